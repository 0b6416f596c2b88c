//! Searches the whole writable memory of the process for bytes that are only known under a mask.

use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use zeroize::Zeroize;

const MASK: u8 = 0x5a;
pub(super) const NEEDLE: usize = 32;
const CHUNK: usize = 1 << 20;

/// Bytes under the mask: what is searched for must not be found in the search itself.
#[derive(Clone, Copy)]
pub(super) struct Masked(pub(super) [u8; NEEDLE]);

impl Masked {
    pub(super) fn of(bytes: &[u8; NEEDLE]) -> Self {
        let mut masked = *bytes;
        masked.iter_mut().for_each(|byte| *byte ^= MASK);
        Self(masked)
    }

    pub(super) fn unmask_into(&self, out: &mut [u8]) {
        assert_eq!(out.len(), NEEDLE);
        out.iter_mut().zip(self.0).for_each(|(out, byte)| *out = byte ^ MASK);
    }

    pub(super) fn count_in(&self, bytes: &[u8]) -> usize {
        let starts = |at: &usize| bytes[*at] ^ MASK == self.0[0];
        (0..bytes.len()).filter(starts).filter(|at| self.stands_at(bytes, *at)).count()
    }

    /// The first two bytes: with one, a key that begins with zero would stop at most of memory.
    fn start(&self) -> usize {
        pair(self.0[0] ^ MASK, self.0[1] ^ MASK)
    }

    fn stands_at(&self, bytes: &[u8], at: usize) -> bool {
        let window = bytes.get(at..at + NEEDLE).unwrap_or_default();
        window.len() == NEEDLE && window.iter().zip(self.0).all(|(a, b)| a ^ MASK == b)
    }
}

/// What is searched for, with the name that a failure tells.
pub(super) struct Needle {
    pub(super) name: &'static str,
    pub(super) masked: Masked,
}

/// The names of the needles that stand anywhere in writable memory, each once.
pub(super) fn found(needles: &[Needle]) -> Vec<&'static str> {
    let (memory, mut chunk) = (File::open("/proc/self/mem").unwrap(), vec![0; CHUNK + NEEDLE]);
    let (mut found, mut read_bytes) = (Vec::new(), 0);
    for region in writable_regions() {
        for at in region.clone().step_by(CHUNK) {
            let len = usize::try_from(region.end - at).unwrap().min(chunk.len());
            // a region may have gone since the list was read
            let Ok(read) = memory.read_at(&mut chunk[..len], at) else { break };
            read_bytes += read;
            search(&chunk[..read], needles, &mut found);
        }
    }
    chunk.zeroize();
    assert!(read_bytes > CHUNK / 4, "only {read_bytes} bytes could be read");
    found.sort_unstable();
    found.dedup();
    found
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

fn pair(first: u8, second: u8) -> usize {
    usize::from(first) << 8 | usize::from(second)
}

/// One pass over the bytes: this also runs unoptimised.
fn search(chunk: &[u8], needles: &[Needle], found: &mut Vec<&'static str>) {
    let mut starts = vec![false; 1 << 16];
    needles.iter().for_each(|needle| starts[needle.masked.start()] = true);
    let mut before = 0;
    for (at, byte) in chunk.iter().enumerate() {
        if starts[pair(before, *byte)] && at > 0 {
            let here = needles.iter().filter(|needle| needle.masked.stands_at(chunk, at - 1));
            found.extend(here.map(|needle| needle.name));
        }
        before = *byte;
    }
}
