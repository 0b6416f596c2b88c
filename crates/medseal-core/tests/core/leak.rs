//! After use and drop no secret is left in the process: the whole writable memory is searched.
//!
//! The needles stand in the source under a mask and are compared under it, so that the search does
//! not find itself. Those of derived keys were computed by `reference/medseal_reference.py`.

use crate::support::{Counting, whole_memory};
use medseal_core::context::{Binding, Scope};
use medseal_core::envelope::{Envelope, Flags, Value};
use medseal_core::key_schedule::FieldKey;
use medseal_core::secret::Kek;
use medseal_core::stream::{Block, Metadata, Prefix, StreamFlags, StreamPlace};
use medseal_core::{KeyVersionId, Random, RandomFailure, Suite};
use std::fs::File;
use std::hint::black_box;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use zeroize::Zeroize;

const MASK: u8 = 0x5a;
const NEEDLE: usize = 32;
type Masked = [u8; NEEDLE];

const KEK: Masked = [
    0xce, 0xed, 0x15, 0xbe, 0xcd, 0x17, 0x47, 0x33, 0x49, 0xbb, 0x97, 0xc2, 0x9c, 0xf4, 0x0d, 0xbe,
    0x9c, 0x5c, 0xfd, 0xb4, 0x1d, 0x75, 0x9a, 0xf2, 0x9d, 0x63, 0x97, 0xa5, 0x7c, 0xc5, 0xe1, 0xad,
];
const DEK: Masked = [
    0xc4, 0x22, 0x24, 0x34, 0x63, 0xcd, 0x39, 0x7e, 0xf1, 0xe5, 0xce, 0x88, 0x05, 0x80, 0xd5, 0x0f,
    0x0c, 0xf7, 0x77, 0x8c, 0x7a, 0xa9, 0xdb, 0xcb, 0x5c, 0x3c, 0x60, 0xd0, 0xbe, 0xd2, 0x8b, 0xbe,
];
const FIELD_KEY: Masked = [
    0x30, 0xfa, 0xec, 0x47, 0xb2, 0xcc, 0x6d, 0x11, 0xd3, 0x99, 0xf9, 0x3d, 0x7b, 0x42, 0x7e, 0xae,
    0xfd, 0x4f, 0x3a, 0x17, 0x4a, 0x96, 0x8f, 0x34, 0x76, 0x0e, 0xb0, 0x3e, 0x21, 0x9c, 0x99, 0xaa,
];
const STREAM_KEY: Masked = [
    0xe7, 0x68, 0xfe, 0x44, 0x6e, 0x77, 0xcf, 0xb7, 0x8a, 0x74, 0x8d, 0xa6, 0xd0, 0xbe, 0xef, 0xe8,
    0x51, 0x17, 0x9e, 0x5b, 0xa2, 0x6b, 0x55, 0x6d, 0x17, 0xc6, 0xc2, 0xf3, 0x0e, 0x8a, 0x00, 0x4b,
];
const STREAM_INPUT_KEY: Masked = [
    0x17, 0xc5, 0xa5, 0x1f, 0xb9, 0x1f, 0xda, 0xe9, 0x05, 0xcd, 0x4f, 0x65, 0x1f, 0x9d, 0x8d, 0xa5,
    0xa5, 0x83, 0xe8, 0x14, 0x34, 0x14, 0xff, 0xa6, 0x75, 0xab, 0xc9, 0xc5, 0xa0, 0x9d, 0x9a, 0x7b,
];
const PLAINTEXT: Masked = [
    0xd8, 0x55, 0x4a, 0xea, 0x9d, 0xa9, 0x2d, 0xe7, 0xcb, 0xad, 0x71, 0xbd, 0xa4, 0xa2, 0x7a, 0x58,
    0x5b, 0xf7, 0x30, 0xee, 0x62, 0x6f, 0xf9, 0xaf, 0x9e, 0xcc, 0xe1, 0x19, 0x17, 0xb2, 0x93, 0xb2,
];
const NEEDLES: [(&str, Masked); 6] = [
    ("KEK", KEK),
    ("DEK", DEK),
    ("field key", FIELD_KEY),
    ("stream key", STREAM_KEY),
    ("stream input key", STREAM_INPUT_KEY),
    ("plaintext", PLAINTEXT),
];

fn unmask_into(masked: &Masked, out: &mut [u8]) {
    out.iter_mut().zip(masked).for_each(|(out, byte)| *out = byte ^ MASK);
}

/// Gives the KEK canary once, in place.
struct Canary;

impl Random for Canary {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), RandomFailure> {
        unmask_into(&KEK, out);
        Ok(())
    }
}

fn writable_regions() -> Vec<Range<u64>> {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let region = |line: &str| {
        let (range, rest) = line.split_once(' ').unwrap();
        let (start, end) = range.split_once('-').unwrap();
        let parse = |text| u64::from_str_radix(text, 16).unwrap();
        rest.starts_with("rw").then(|| parse(start)..parse(end))
    };
    maps.lines().filter_map(region).collect()
}

fn stands_at(chunk: &[u8], at: usize, masked: &Masked) -> bool {
    let window = chunk.get(at..at + NEEDLE).unwrap_or_default();
    window.len() == NEEDLE && window.iter().zip(masked).all(|(a, b)| a ^ MASK == *b)
}

/// The names of the needles in `chunk`. One pass over the bytes: this also runs unoptimised.
fn needles_in(chunk: &[u8]) -> Vec<&'static str> {
    let mut starts = [false; 256];
    NEEDLES.iter().for_each(|(_, masked)| starts[usize::from(masked[0] ^ MASK)] = true);
    let mut found = Vec::new();
    for (at, _) in chunk.iter().enumerate().filter(|(_, byte)| starts[usize::from(**byte)]) {
        let here = NEEDLES.iter().filter(|(_, masked)| stands_at(chunk, at, masked));
        found.extend(here.map(|(name, _)| *name));
    }
    found
}

const CHUNK: usize = 1 << 20;

/// The names of the needles that stand anywhere in writable memory.
fn found() -> Vec<&'static str> {
    let (memory, mut chunk) = (File::open("/proc/self/mem").unwrap(), vec![0; CHUNK + NEEDLE]);
    let (mut found, mut read_bytes) = (Vec::new(), 0);
    for region in writable_regions() {
        for at in region.clone().step_by(CHUNK) {
            let len = usize::try_from(region.end - at).unwrap().min(chunk.len());
            // a region may have gone since the list was read
            let Ok(read) = memory.read_at(&mut chunk[..len], at) else { break };
            read_bytes += read;
            found.extend(needles_in(&chunk[..read]));
        }
    }
    chunk.zeroize();
    assert!(read_bytes > CHUNK / 4, "only {read_bytes} bytes could be read");
    found.sort_unstable();
    found.dedup();
    found
}

#[inline(never)]
fn encrypt_and_decrypt(suite: Suite) {
    let kek = Kek::generate(&mut Canary).unwrap();
    let scope = Scope::new("leak-tenant", "leak", "canary").unwrap();
    let dek = kek.tenant_dek(KeyVersionId([1, 2, 3, 4, 5, 6, 7, 8]), suite, "leak-tenant");
    let key = dek.field_key(scope).unwrap();
    let (binding, mut out) = (Binding::record("r"), Vec::new());
    let mut plaintext = vec![0; NEEDLE];
    unmask_into(&PLAINTEXT, &mut plaintext);
    let (value, flags) = (Value::bytes(&plaintext), Flags::RECORD_BOUND);
    key.encrypt_into(flags, &binding, None, &value, &mut Counting::default(), &mut out).unwrap();
    plaintext.zeroize();
    let opened = key.decrypt(flags, &binding, &Envelope::parse(&out).unwrap()).unwrap();
    assert_eq!(needles_in(opened.as_bytes()), ["plaintext"]);
}

#[inline(never)]
fn seal_and_open_a_stream() {
    let kek = Kek::generate(&mut Canary).unwrap();
    let scope = Scope::new("leak-tenant", "leak", "canary").unwrap();
    let id = KeyVersionId([1, 2, 3, 4, 5, 6, 7, 8]);
    let key = kek.tenant_dek(id, Suite::Aes256Gcm, "leak-tenant").stream_key(scope).unwrap();
    let (place, flags) = (StreamPlace::whole(Binding::record("r")), StreamFlags::RECORD_BOUND);
    let (mut out, mut block) = (Vec::new(), Block::with_chunks(1));
    let metadata = Metadata::default();
    let sealer = key.seal(flags, &place, &metadata, &mut Counting::default(), &mut out).unwrap();
    let mut room = block.content_room();
    room.slots(NEEDLE).for_each(|slot| unmask_into(&PLAINTEXT, slot));
    room.filled(NEEDLE);
    sealer.last_run(NEEDLE).unwrap().seal(&mut block).unwrap();
    out.extend_from_slice(block.sealed());
    let prefix = Prefix::parse(&out).unwrap();
    let (_, opener) = key.open(flags, &place, &prefix).unwrap();
    let body = &out[prefix.byte_len()..];
    block.sealed_room(body.len()).copy_from_slice(body);
    opener.open(0, &mut block).unwrap();
    assert_eq!(block.opened().map(needles_in).collect::<Vec<_>>(), [["plaintext"]]);
}

/// Runs `work` where the frames of the search do not overwrite what it leaves behind.
#[inline(never)]
fn far_down_the_stack(work: impl FnOnce()) {
    let room = [0u8; 1 << 16];
    black_box(&room);
    // the last call: another one would write over the edge of what `work` leaves
    work();
}

fn a_needle_left_in_the_heap_is_found() {
    for (name, masked) in &NEEDLES {
        let mut left = vec![0; NEEDLE];
        unmask_into(masked, &mut left);
        assert_eq!(found(), [*name]);
        left.zeroize();
    }
    assert_eq!(found(), [""; 0], "after the control");
}

fn a_needle_left_in_a_dead_frame_is_found() {
    far_down_the_stack(|| {
        let mut left = [0; NEEDLE];
        unmask_into(&PLAINTEXT, &mut left);
        black_box(&left);
    });
    assert_eq!(found(), ["plaintext"]);
    far_down_the_stack(|| {
        black_box(&[0u8; 1 << 16]);
    });
    assert_eq!(found(), [""; 0], "after the control");
}

#[test]
fn no_key_and_no_plaintext_is_left_in_memory() {
    let _alone = whole_memory();
    assert_eq!(found(), [""; 0], "before anything was done");
    a_needle_left_in_the_heap_is_found();
    a_needle_left_in_a_dead_frame_is_found();
    for suite in Suite::ALL {
        far_down_the_stack(|| encrypt_and_decrypt(suite));
        assert_eq!(found(), [""; 0], "{suite:?}");
    }
    far_down_the_stack(seal_and_open_a_stream);
    assert_eq!(found(), [""; 0], "a stream");
    the_needles_are_the_keys_that_were_used();
}

/// Else the search would look for the wrong bytes. Last, because it leaves needles behind.
fn the_needles_are_the_keys_that_were_used() {
    let (id, suite) = (KeyVersionId([1, 2, 3, 4, 5, 6, 7, 8]), Suite::Aes256Gcm);
    let scope = || Scope::new("leak-tenant", "leak", "canary").unwrap();
    let mut raw = [0; NEEDLE];
    unmask_into(&FIELD_KEY, &mut raw);
    let given = FieldKey::from_bytes(&raw, id, suite, scope(), None).unwrap();
    let dek = Kek::generate(&mut Canary).unwrap().tenant_dek(id, suite, "leak-tenant");
    let written = [given, dek.field_key(scope()).unwrap()].map(|key| {
        let (mut out, value) = (Vec::new(), Value::string("x"));
        let flags = Flags::UNBOUND;
        let mut random = Counting::default();
        key.encrypt_into(flags, &Binding::default(), None, &value, &mut random, &mut out).unwrap();
        out
    });
    assert_eq!(written[0], written[1]);
}
