//! FHIR: what is encrypted is JSON, is found again under the same names, and comes back byte for
//! byte, with a table in the place of a cipher.
//!
//! A crash file becomes a test in `crates/medseal-health/tests/health/fhir.rs`.
#![no_main]

use std::cell::RefCell;

use libfuzzer_sys::fuzz_target;
use serde::de::IgnoredAny;

#[path = "../../crates/medseal-health/tests/health/vault.rs"]
mod vault;

use vault::Vault;

// Kept from input to input, as users keep a scanner: what is left over must not matter.
thread_local! {
    static VAULTS: [RefCell<Vault>; 2] =
        [RefCell::new(Vault::new("fhir-r4")), RefCell::new(Vault::new("fhir-r5"))];
}

fuzz_target!(|document: &[u8]| {
    let Ok(document) = std::str::from_utf8(document) else { return };
    VAULTS.with(|vaults| {
        for vault in vaults {
            let mut vault = vault.borrow_mut();
            vault.forget();
            // what holds an envelope, or a pseudonym, is not plain
            if document.contains("ms1:") || document.contains("+AE") || document.contains("6d7331") {
                continue;
            }
            match vault.encrypt(document) {
                Ok((encrypted, names)) => {
                    assert!(serde_json::from_str::<IgnoredAny>(&encrypted).is_ok(), "{encrypted}");
                    let (back, again) = vault.decrypt(&encrypted);
                    assert_eq!((back.as_str(), again), (document, names), "{encrypted}");
                }
                // the table of paths is full: start anew
                Err(error) if error.code() == "TOO_MANY_FIELDS" => {
                    let profile = vault.profile().to_owned();
                    *vault = Vault::new(&profile);
                }
                Err(_) => {}
            }
        }
    });
});
