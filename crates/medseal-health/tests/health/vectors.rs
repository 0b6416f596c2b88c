//! Inputs worth keeping, one file each in `tests/vectors/NAME.json`: what the fuzzer crashed on (nothing
//! so far), and traps that are easier to read as a file. Each must get the verdict of `serde_json`.

use std::fs;
use std::path::Path;

#[test]
fn every_vector_gets_the_verdict_of_serde_json() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
    let mut count = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "json") {
            crate::oracle::check(&fs::read(&path).unwrap());
            count += 1;
        }
    }
    assert!(count > 0, "no vectors found");
}
