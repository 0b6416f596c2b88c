//! Pseudonyms against an HMAC and a KDF of the tests' own.

use crate::support::{hmac_sha256, kdf, lp};
use medseal_core::StoreId;
use medseal_core::secret::Kwk;

const STORE: &str = "00000000-0000-4000-8000-000000000001";

fn bytes(kwk: u8, store: &str, tenant: &str, id: &str) -> [u8; 16] {
    let kwk = Kwk::from_slice(&[kwk; 32]).unwrap();
    kwk.pseudonym_key(&StoreId::parse(store).unwrap(), tenant).bytes_for(id)
}

#[test]
fn bytes_agree_with_the_specification() {
    let context = [lp(STORE.as_bytes()), lp(b"t")].concat();
    let key = kdf(&[4; 32], "medseal/v1/pseudonym", &context, 32);
    for id in ["1", "MRN-000123", "0f5b0a9e-8f3d-4a52-9d7c-1f2e3d4c5b6a", ""] {
        assert_eq!(bytes(4, STORE, "t", id), hmac_sha256(&key, id.as_bytes())[..16], "{id}");
    }
}

#[test]
fn another_key_store_tenant_or_id_gives_another_pseudonym() {
    let one = bytes(4, STORE, "t", "1");
    assert_eq!(one, bytes(4, STORE, "t", "1"));
    assert_ne!(one, bytes(5, STORE, "t", "1"));
    assert_ne!(one, bytes(4, "00000000-0000-4000-8000-000000000002", "t", "1"));
    assert_ne!(one, bytes(4, STORE, "u", "1"));
    assert_ne!(one, bytes(4, STORE, "t", "2"));
}
