//! The tests of `medseal-store`, against its public interface and its file.

#[cfg(test)]
mod conformance;
#[cfg(test)]
mod file;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod hostile_schema;
#[cfg(test)]
mod processes;
#[cfg(test)]
mod records;
#[cfg(test)]
mod refusals;
