//! The engine on real homes in temporary directories, with a clock that tests move.

#![expect(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

mod audit;
mod epochs;
mod faults;
mod fork;
mod homes;
mod keys;
mod records;
mod support;
mod values;
