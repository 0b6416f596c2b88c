//! What the pieces of a field envelope cost, and what the alternatives would have cost: the table in
//! `spec/envelope.md`, Speed. Prints nanoseconds, the least of many batches, since everything that
//! disturbs a measurement makes it longer.
//!
//! `cargo bench -p medseal-core --bench primitives`
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "nothing here comes from outside"
)]

use aws_lc_rs::aead::RandomizedNonceKey;
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::{cmac, hkdf, hmac, rand};
use medseal_core::context::{Binding, Scope};
use medseal_core::envelope::{Flags, Value};
use medseal_core::key_schedule::FieldKey;
use medseal_core::primitives::hmac_sha256::HmacKey;
use medseal_core::{KeyVersionId, Random, RandomFailure, Suite};
use std::hint::black_box;
use std::time::Instant;

const BATCHES: usize = 200;
const CALLS: usize = 500;
const AAD: &[u8; 12] = b"\xf8\x01\x01\x0212345678";
/// As long as what a field's key derivation hashes for a tenant, collection, field and record of
/// ordinary length.
const MESSAGE: [u8; 107] = [5; 107];

fn main() {
    // cargo runs benches in `cargo test --benches` too; there is nothing to measure then
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    derivations();
    ciphers();
    random();
    envelope();
}

fn report(name: &str, mut operation: impl FnMut()) {
    let mut least = f64::INFINITY;
    for _ in 0..BATCHES {
        let start = Instant::now();
        (0..CALLS).for_each(|_| operation());
        least = least.min(start.elapsed().as_secs_f64() / CALLS as f64);
    }
    println!("{name:66} {:7.0} ns", least * 1e9);
}

fn derivations() {
    let ours = HmacKey::new(&[7; 32]);
    report("HMAC-SHA-256 of 107 bytes, midstates resident (sha2)", || {
        black_box(ours.mac(black_box(&MESSAGE)));
    });
    let theirs = hmac::Key::new(hmac::HMAC_SHA256, &[7; 32]);
    report("HMAC-SHA-256 of 107 bytes, key resident (aws-lc-rs)", || {
        black_box(hmac::sign(&theirs, black_box(&MESSAGE)));
    });
    let prk = hkdf::Prk::new_less_safe(hkdf::HKDF_SHA512, &[7; 32]);
    report("HKDF-SHA-512, expanding to 64 bytes (aws-lc-rs)", || {
        let mut out = [0; 64];
        let info = [&MESSAGE[..]];
        let _ = prk.expand(black_box(&info), Length).and_then(|okm| okm.fill(&mut out));
        black_box(out);
    });
    let salt = hkdf::Salt::new(hkdf::HKDF_SHA512, &[]);
    report("HKDF-SHA-512, extracting and expanding to 64 bytes (aws-lc-rs)", || {
        let mut out = [0; 64];
        let prk = salt.extract(black_box(&[7; 32]));
        let _ = prk.expand(&[&MESSAGE[..]], Length).and_then(|okm| okm.fill(&mut out));
        black_box(out);
    });
}

struct Length;

impl hkdf::KeyType for Length {
    fn len(&self) -> usize {
        64
    }
}

fn key(bytes: &[u8; 32]) -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, bytes).expect("32 bytes are a key"))
}

fn seal(key: &LessSafeKey, body: &mut [u8]) {
    let nonce = Nonce::assume_unique_for_key([3; NONCE_LEN]);
    let sealed = key.seal_in_place_separate_tag(nonce, Aad::from(AAD), black_box(body));
    black_box(sealed.expect("a short message").as_ref()[0]);
}

fn ciphers() {
    let (resident, mut body) = (key(&[7; 32]), [9; 5000]);
    report("AES-256-GCM, seal 51 bytes, key resident", || seal(&resident, &mut body[..51]));
    report("AES-256-GCM, seal 51 bytes, fresh key", || seal(&key(&[7; 32]), &mut body[..51]));
    report("AES-256-GCM, seal 5000 bytes, key resident", || seal(&resident, &mut body));
    let module = RandomizedNonceKey::new(&AES_256_GCM, &[7; 32]).expect("32 bytes are a key");
    report("AES-256-GCM, seal 51 bytes, key resident, nonce made in the module", || {
        let sealed = module.seal_in_place_separate_tag(Aad::from(AAD), black_box(&mut body[..51]));
        black_box(sealed.expect("a short message").1.as_ref()[0]);
    });
    let outer = cmac::Key::new(cmac::AES_256, &[7; 32]).expect("32 bytes are a key");
    report("XAES-256-GCM with a CMAC commitment, seal 51 bytes", || {
        let mut halves = [0; 64];
        for (i, half) in (0u8..).zip(halves.chunks_exact_mut(16)) {
            let tag = cmac::sign(&outer, black_box(&[i; 16])).expect("a block");
            half.copy_from_slice(tag.as_ref());
        }
        let (fresh, commitment) = halves.split_first_chunk().expect("64 bytes");
        seal(&key(fresh), &mut body[..51]);
        black_box(commitment);
    });
}

fn random() {
    let mut buffer = [0; 4096];
    for len in [24, 4096] {
        report(&format!("{len} random bytes (aws-lc-rs)"), || {
            rand::fill(black_box(&mut buffer[..len])).expect("a source of randomness");
        });
    }
}

/// Deals bytes without making them: the source's own price is measured above.
struct Dealt(u64);

impl Random for Dealt {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), RandomFailure> {
        for chunk in out.chunks_mut(8) {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            chunk.copy_from_slice(&self.0.to_le_bytes()[..chunk.len()]);
        }
        Ok(())
    }
}

fn envelope() {
    let scope = Scope::new("tenant-01", "patients", "last_name").expect("short names");
    let id = KeyVersionId([7; 8]);
    let key = FieldKey::from_bytes(&[7; 32], id, Suite::Aes256Gcm, scope, None).expect("a key");
    let (value, binding) = ("x".repeat(50), Binding::record("row/0000042"));
    let mut random = Dealt(1);
    report("field envelope of 50 bytes, all but the random source", || {
        let (flags, value, mut out) = (Flags::RECORD_BOUND, Value::string(&value), Vec::new());
        key.encrypt_into(flags, &binding, None, &value, &mut random, &mut out).expect("a context");
        black_box(out);
    });
}
