//! SQLite through the suite that every store runs.

use crate::fixture::SqliteFixture;
use medseal_store::conformance::{self, Fixture};

#[test]
fn sqlite_conforms() {
    let new = async || Box::new(SqliteFixture::new()) as Box<dyn Fixture>;
    pollster::block_on(conformance::run(new));
}
