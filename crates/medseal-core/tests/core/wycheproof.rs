//! The primitives against Wycheproof, through the same calls as `primitives::aead`, and the crate's
//! own HMAC against Wycheproof and against aws-lc for every length around its block edges.

use crate::support::{Counting, hmac_sha256};
use aws_lc_rs::aead::{AES_256_GCM, Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::error::Unspecified;
use medseal_core::primitives::hmac_sha256::HmacKey;
use medseal_core::{Random, Suite};
use wycheproof::aead::{Test, TestName, TestSet};
use wycheproof::mac;

fn cipher(suite: Suite, key: &[u8]) -> LessSafeKey {
    let algorithm = match suite {
        Suite::Aes256Gcm => &AES_256_GCM,
        _ => &CHACHA20_POLY1305,
    };
    LessSafeKey::new(UnboundKey::new(algorithm, key).unwrap())
}

/// Opens `sealed`, whose last 16 bytes are the tag.
pub(crate) fn open(
    suite: Suite,
    key: &[u8],
    nonce: [u8; 12],
    aad: &[u8],
    sealed: &[u8],
) -> Result<Vec<u8>, Unspecified> {
    let (ciphertext, tag) = sealed.split_at(sealed.len() - 16);
    let (mut plaintext, nonce) = (vec![0; ciphertext.len()], Nonce::assume_unique_for_key(nonce));
    cipher(suite, key).open_separate_gather(
        nonce,
        Aad::from(aad),
        ciphertext,
        tag,
        &mut plaintext,
    )?;
    Ok(plaintext)
}

fn seal(suite: Suite, key: &[u8], nonce: [u8; 12], aad: &[u8], plaintext: &[u8]) -> Vec<u8> {
    let (mut body, nonce) = (plaintext.to_vec(), Nonce::assume_unique_for_key(nonce));
    let tag = cipher(suite, key).seal_in_place_separate_tag(nonce, Aad::from(aad), &mut body);
    body.extend_from_slice(tag.unwrap().as_ref());
    body
}

fn check(suite: Suite, test: &Test) {
    let nonce: [u8; 12] = test.nonce.to_vec().try_into().unwrap();
    let sealed = [test.ct.to_vec(), test.tag.to_vec()].concat();
    let opened = open(suite, &test.key, nonce, &test.aad, &sealed);
    if test.result.must_fail() {
        assert!(opened.is_err(), "{suite:?} {}", test.tc_id);
    } else {
        assert_eq!(opened.unwrap(), test.pt.to_vec(), "{suite:?} {}", test.tc_id);
        assert_eq!(seal(suite, &test.key, nonce, &test.aad, &test.pt), sealed, "{}", test.tc_id);
    }
}

#[test]
fn ciphers_agree_with_wycheproof() {
    let suites = [
        (Suite::Aes256Gcm, TestName::AesGcm),
        (Suite::ChaCha20Poly1305, TestName::ChaCha20Poly1305),
    ];
    for (suite, name) in suites {
        let groups = TestSet::load(name).unwrap().test_groups.into_iter();
        let ours = |g: &wycheproof::aead::TestGroup| (g.key_size, g.nonce_size, g.tag_size);
        let tests: Vec<Test> =
            groups.filter(|g| ours(g) == (256, 96, 128)).flat_map(|g| g.tests).collect();
        assert!(tests.len() > 50, "{suite:?}: {}", tests.len());
        assert!(tests.iter().any(|test| test.result.must_fail()));
        tests.iter().for_each(|test| check(suite, test));
    }
}

#[test]
fn hmac_agrees_with_wycheproof_for_keys_of_32_bytes() {
    let groups = mac::TestSet::load(mac::TestName::HmacSha256).unwrap().test_groups;
    let ours = groups.into_iter().filter(|g| g.key_size == 256);
    let mut count = 0;
    for (tag_bytes, test) in
        ours.flat_map(|g| g.tests.into_iter().map(move |t| (g.tag_size / 8, t)))
    {
        let key: [u8; 32] = test.key.to_vec().try_into().unwrap();
        let equal = HmacKey::new(&key).mac(&test.msg)[..tag_bytes] == test.tag[..];
        assert_eq!(equal, !test.result.must_fail(), "{}", test.tc_id);
        count += 1;
    }
    assert!(count > 50, "{count}");
}

#[test]
fn hmac_agrees_with_aws_lc_for_every_length() {
    let mut random = Counting::default();
    for length in 0..300 {
        let (mut key, mut message) = ([0; 32], vec![0; length]);
        random.fill(&mut key).unwrap();
        random.fill(&mut message).unwrap();
        assert_eq!(
            HmacKey::new(&key).mac(&message).to_vec(),
            hmac_sha256(&key, &message),
            "{length}"
        );
    }
}
