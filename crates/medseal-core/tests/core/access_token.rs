//! Access tokens against an HMAC and a KDF of the tests' own.

use crate::support::{Counting, hmac_sha256, kdf, lp, unhex};
use medseal_core::secret::Kwk;
use medseal_core::{AccessToken, StoreId};

const STORE: &str = "00000000-0000-4000-8000-000000000001";
/// Of 32 bytes `00 01 02 …`, encoded by hand.
const TOKEN: &str = "mst_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

fn kept(kwk: u8, store: &str, token: &str) -> String {
    let kwk = Kwk::from_slice(&[kwk; 32]).unwrap();
    let pepper = kwk.token_pepper(&StoreId::parse(store).unwrap());
    pepper.kept(&AccessToken::parse(token).unwrap())
}

#[test]
fn what_is_kept_agrees_with_the_specification() {
    let key = kdf(&[4; 32], "medseal/v1/token-pepper", &lp(STORE.as_bytes()), 32);
    let bytes: Vec<u8> = (0..32).collect();
    assert_eq!(unhex(kept(4, STORE, TOKEN).as_bytes()), hmac_sha256(&key, &bytes));
}

#[test]
fn another_key_store_or_token_is_kept_as_something_else() {
    let one = kept(4, STORE, TOKEN);
    assert_ne!(one, kept(5, STORE, TOKEN));
    assert_ne!(one, kept(4, "00000000-0000-4000-8000-000000000002", TOKEN));
    assert_ne!(one, kept(4, STORE, &TOKEN.replace("AAE", "AAI")));
}

#[test]
fn a_token_has_one_spelling() {
    let fresh = AccessToken::generate(&mut Counting::default()).unwrap().to_text();
    assert_eq!(fresh.len(), 47);
    assert_eq!(*AccessToken::parse(&fresh).unwrap().to_text(), *fresh);
    let last = TOKEN.len() - 1;
    for other in [
        "",
        "mst_",
        &TOKEN[..last],
        &TOKEN[4..],
        &format!("{TOKEN}A"),
        &format!("{TOKEN}="),
        &format!("{TOKEN}\n"),
        &format!("{}9", &TOKEN[..last]),
        &TOKEN.replace("mst_", "MST_"),
        &TOKEN.replace('H', "+"),
    ] {
        assert!(AccessToken::parse(other).is_none(), "{other}");
    }
}
