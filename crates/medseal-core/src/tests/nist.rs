//! Each primitive against NIST's vectors (`vectors/third-party/nist/`), through the call that the
//! rest of the crate makes.

use crate::primitives::aead::{TAG_BYTES, open, seal};
use crate::primitives::hmac_sha256::HmacKey;
use crate::primitives::sha256;
use crate::{Error, Suite, kdf};

/// The lines of one case, in their order.
struct Case<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Case<'a> {
    fn text(&self, name: &str) -> &'a str {
        let line = self.0.iter().find(|(n, _)| *n == name);
        line.unwrap_or_else(|| panic!("no `{name}` in {:?}", self.0)).1
    }

    fn hex(&self, name: &str) -> Vec<u8> {
        let digits = self.text(name).as_bytes().chunks(2);
        let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16);
        digits.map(|pair| byte(pair).unwrap()).collect()
    }

    fn array<const N: usize>(&self, name: &str) -> [u8; N] {
        self.hex(name).try_into().unwrap()
    }

    fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(n, _)| *n == name)
    }
}

/// The cases of a file; the groups' headers only say what all of its cases are like.
fn cases(file: &str) -> Vec<Case<'_>> {
    let split = |line| {
        let (name, value) = str::split_once(line, '=').unwrap_or((line, ""));
        (name.trim(), value.trim())
    };
    let blocks = file.split("\n\n").map(str::trim).filter(|b| !b.is_empty() && !b.starts_with('['));
    blocks.map(|block| Case(block.lines().map(split).collect())).collect()
}

struct Message {
    key: [u8; 32],
    nonce: [u8; 12],
    aad: Vec<u8>,
    ciphertext: Vec<u8>,
    tag: Vec<u8>,
}

impl Message {
    fn of(case: &Case<'_>) -> Self {
        let (key, nonce, tag) = (case.array("Key"), case.array("IV"), case.hex("Tag"));
        assert_eq!(tag.len(), TAG_BYTES);
        Self { key, nonce, aad: case.hex("AAD"), ciphertext: case.hex("CT"), tag }
    }

    fn open(&self) -> Result<Vec<u8>, Error> {
        let (suite, mut out) = (Suite::Aes256Gcm, vec![0; self.ciphertext.len()]);
        open(suite, &self.key, self.nonce, &self.aad, &self.ciphertext, &self.tag, &mut out)?;
        Ok(out)
    }
}

/// Every part of a message that opens, altered by one bit or one byte.
fn altered_messages_are_rejected(case: &Case<'_>) {
    let alter: [fn(&mut Message); 5] = [
        |m| m.key[31] ^= 1,
        |m| m.nonce[0] ^= 0x80,
        |m| m.aad.push(0),
        |m| m.tag[15] ^= 1,
        |m| m.ciphertext.push(0),
    ];
    for alter in alter {
        let mut message = Message::of(case);
        alter(&mut message);
        assert_eq!(message.open(), Err(Error::Rejected), "{:?}", case.0);
    }
}

#[test]
fn aes_256_gcm_seals_as_nist_says() {
    let cases = cases(include_str!("../../../../vectors/third-party/nist/gcmEncryptExtIV256.rsp"));
    assert_eq!(cases.len(), 150);
    for case in &cases {
        let message = Message::of(case);
        let mut sealed = case.hex("PT");
        let tag =
            seal(Suite::Aes256Gcm, &message.key, message.nonce, &message.aad, &mut sealed).unwrap();
        assert_eq!((sealed, tag.to_vec()), (message.ciphertext, message.tag), "{:?}", case.0);
        altered_messages_are_rejected(case);
    }
}

#[test]
fn aes_256_gcm_opens_and_rejects_as_nist_says() {
    let cases = cases(include_str!("../../../../vectors/third-party/nist/gcmDecrypt256.rsp"));
    let forged = cases.iter().filter(|case| case.has("FAIL")).count();
    assert_eq!((cases.len(), forged), (150, 74));
    for case in &cases {
        let expected = if case.has("FAIL") { Err(Error::Rejected) } else { Ok(case.hex("PT")) };
        assert_eq!(Message::of(case).open(), expected, "{:?}", case.0);
    }
}

const KBKDF: &str = include_str!("../../../../vectors/third-party/nist/nist-800-108-KBKDF-CTR.txt");

#[test]
fn the_kdf_is_nists_counter_mode() {
    let cases = cases(KBKDF);
    assert_eq!(cases.len(), 40);
    for case in &cases {
        let (key, expected) = (HmacKey::new(&case.array("KI")), case.hex("KO"));
        assert_eq!(case.text("L").parse(), Ok(8 * expected.len()));
        // what is derived does not depend on how much is: in NIST's cases the fixed data is given
        let derived = kdf::counter_mode_of::<64>(&key, &case.hex("FixedInputData"));
        assert_eq!(derived[..expected.len()], expected, "{:?}", case.0);
    }
}

/// One block of the KDF is one HMAC, so NIST's file holds HMACs under keys of 32 bytes.
#[test]
fn hmac_sha256_is_nists() {
    for case in cases(KBKDF) {
        let mac = HmacKey::new(&case.array("KI")).mac(&case.hex("instring"));
        let expected = case.hex("KO");
        let compared = expected.len().min(mac.len());
        assert_eq!(mac[..compared], expected[..compared], "{:?}", case.0);
    }
}

#[test]
fn sha256_is_nists() {
    let short = cases(include_str!("../../../../vectors/third-party/nist/SHA256ShortMsg.rsp"));
    let long = cases(include_str!("../../../../vectors/third-party/nist/SHA256LongMsg.rsp"));
    assert_eq!((short.len(), long.len()), (65, 9));
    for case in short.iter().chain(&long) {
        let bytes = case.text("Len").parse::<usize>().unwrap() / 8;
        assert_eq!(sha256(&case.hex("Msg")[..bytes]), case.array("MD"), "{:?}", case.0);
    }
}
