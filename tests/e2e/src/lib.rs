//! End-to-end tests that drive the built `medseal` binary.
