//! End-to-end tests: the built `medseal` binary, driven as a user would.
//!
//! The binary is `$MEDSEAL_BIN`, else the workspace's release build, else its debug build; without
//! one, every test fails.

#![cfg(test)]

mod approvals;
mod audit;
mod canary;
mod escrow;
mod export;
mod fhir;
mod files;
mod homes;
mod interop;
mod keys;
mod kill;
mod messages;
mod pages;
mod policy;
mod processes;
mod records;
mod reference;
mod state;
mod subjects;
mod tables;
mod tiles;
mod values;
mod world;
