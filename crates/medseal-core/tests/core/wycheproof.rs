//! The crate's HMAC against Wycheproof, and against aws-lc for every length around its block edges.
//! The ciphers, which are not public, meet Wycheproof in `src/tests/wycheproof.rs`.

use crate::support::{Counting, hmac_sha256};
use medseal_core::Random;
use medseal_core::primitives::hmac_sha256::HmacKey;
use wycheproof::mac;

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
