//! The ciphers against Wycheproof, through `primitives::aead`, which nothing outside can call.

use crate::primitives::aead::{open, seal};
use crate::{Error, Suite};
use ::wycheproof::aead::{Test, TestGroup, TestName, TestSet};

fn check(suite: Suite, test: &Test) {
    let key: [u8; 32] = test.key.to_vec().try_into().unwrap();
    let nonce: [u8; 12] = test.nonce.to_vec().try_into().unwrap();
    let mut opened = vec![0; test.ct.len()];
    let result = open(suite, &key, nonce, &test.aad, &test.ct, &test.tag, &mut opened);
    if test.result.must_fail() {
        assert_eq!(result, Err(Error::Rejected), "{suite:?} {}", test.tc_id);
        assert!(test.pt.is_empty() || opened != test.pt[..], "{suite:?} {}", test.tc_id);
        return;
    }
    assert_eq!((result, &opened[..]), (Ok(()), &test.pt[..]), "{suite:?} {}", test.tc_id);
    let mut sealed = test.pt.to_vec();
    let tag = seal(suite, &key, nonce, &test.aad, &mut sealed).unwrap();
    assert_eq!((&sealed[..], &tag[..]), (&test.ct[..], &test.tag[..]), "{suite:?} {}", test.tc_id);
}

#[test]
fn ciphers_agree_with_wycheproof() {
    let suites = [
        (Suite::Aes256Gcm, TestName::AesGcm),
        (Suite::ChaCha20Poly1305, TestName::ChaCha20Poly1305),
    ];
    for (suite, name) in suites {
        let groups = TestSet::load(name).unwrap().test_groups.into_iter();
        let ours = |g: &TestGroup| (g.key_size, g.nonce_size, g.tag_size);
        let tests: Vec<Test> =
            groups.filter(|g| ours(g) == (256, 96, 128)).flat_map(|g| g.tests).collect();
        assert!(tests.len() > 50, "{suite:?}: {}", tests.len());
        assert!(tests.iter().any(|test| test.result.must_fail()));
        tests.iter().for_each(|test| check(suite, test));
    }
}
