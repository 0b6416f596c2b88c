//! Reads the vector file format of `vectors/README.md`, and nothing of what the vectors mean.

use crate::support::unhex;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub(crate) struct Vector {
    pub(crate) name: String,
    keys: BTreeMap<String, Vec<u8>>,
    pub(crate) pairs: Vec<(String, Vec<u8>)>,
    pub(crate) columns: Vec<Vec<u8>>,
    pub(crate) body: Vec<u8>,
}

/// Every scenario of a folder below `vectors/`, by name.
pub(crate) fn read_folder(folder: &str) -> Vec<Vector> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors").join(folder);
    let entries = std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> =
        entries.filter(|path| path.extension().is_some_and(|e| e == "txt")).collect();
    files.sort();
    files.iter().map(|path| Vector::parse(&std::fs::read(path).unwrap())).collect()
}

impl Vector {
    fn parse(data: &[u8]) -> Self {
        let end = data.windows(2).position(|two| two == b"\n\n").unwrap();
        let mut vector = Self {
            name: String::new(),
            keys: BTreeMap::new(),
            pairs: Vec::new(),
            columns: Vec::new(),
            body: data[end + 2..].to_vec(),
        };
        for line in std::str::from_utf8(&data[..end]).unwrap().split('\n') {
            let (key, value) = line.split_once(':').unwrap();
            vector.add(key, value.strip_prefix(' ').unwrap_or(value));
        }
        vector.name = vector.text("scenario").to_owned();
        vector
    }

    fn add(&mut self, key: &str, value: &str) {
        let in_hex = key.ends_with("-hex");
        let bytes = |value: &str| if in_hex { unhex(value.as_bytes()) } else { value.into() };
        match key.strip_suffix("-hex").unwrap_or(key) {
            "pair" => {
                let (name, value) = value.split_once('=').unwrap();
                self.pairs.push((name.to_owned(), bytes(value)));
            }
            "pair-range" => {
                let count: usize = value.parse().unwrap();
                self.pairs.extend((0..count).map(|i| (format!("p{i:05}"), b"x".to_vec())));
            }
            "primary-key" => self.columns.push(bytes(value)),
            key => assert!(self.keys.insert(key.to_owned(), bytes(value)).is_none(), "{key} twice"),
        }
    }

    pub(crate) fn get(&self, key: &str) -> Option<&[u8]> {
        self.keys.get(key).map(Vec::as_slice)
    }

    pub(crate) fn text(&self, key: &str) -> &str {
        let value = self.get(key).unwrap_or_else(|| panic!("{}: no {key}", self.name));
        std::str::from_utf8(value).unwrap()
    }

    pub(crate) fn hex(&self, key: &str) -> Vec<u8> {
        unhex(self.text(key).as_bytes())
    }

    pub(crate) fn array<const N: usize>(&self, key: &str) -> [u8; N] {
        self.hex(key).try_into().unwrap()
    }

    pub(crate) fn number(&self, key: &str) -> u64 {
        self.text(key).parse().unwrap()
    }

    fn numbers(&self, key: &str) -> Vec<usize> {
        let span = |span: &str| {
            let (first, last) = span.split_once('-').unwrap_or((span, span));
            first.parse().unwrap()..=last.parse().unwrap()
        };
        self.text(key).split(' ').flat_map(span).collect()
    }

    fn chunk_changes(&self, whole: &[u8], each: &str) -> Vec<Vec<u8>> {
        let (head, body) = whole.split_at(usize::try_from(self.number("chunks-from")).unwrap());
        let (chunks, which) = (body.chunks(16_400).collect::<Vec<_>>(), self.numbers("chunks"));
        let joined = |chunks: Vec<&[u8]>| [head, &chunks.concat()].concat();
        let copies = |count: usize, n: usize| {
            let (before, rest) = chunks.split_at(n);
            joined([before, &vec![rest[0]; count], &rest[1..]].concat())
        };
        match each {
            "swap-chunks" => {
                let mut swapped = chunks.clone();
                swapped.swap(which[0], which[1]);
                vec![joined(swapped)]
            }
            "repeat-chunk" => which.into_iter().map(|n| copies(2, n)).collect(),
            "drop-chunk" => which.into_iter().map(|n| copies(0, n)).collect(),
            other => panic!("{}: unknown change {other}", self.name),
        }
    }

    /// The envelopes of this scenario: the body, or each change of it.
    pub(crate) fn envelopes(&self) -> Vec<Vec<u8>> {
        self.changes_of(unhex(&self.body))
    }

    /// The changes of this scenario, made to another scenario's body.
    pub(crate) fn changes_of(&self, whole: Vec<u8>) -> Vec<Vec<u8>> {
        let replaced = |at: usize, byte: u8| {
            let mut changed = whole.clone();
            changed[at] = byte;
            changed
        };
        let product = |inner: &str, change: &dyn Fn(usize, usize) -> Vec<u8>| {
            let inner = self.numbers(inner);
            let each = |at| inner.iter().map(move |n| change(at, *n));
            self.numbers("bytes").into_iter().flat_map(each).collect()
        };
        match self.get("each").map(|_| self.text("each")) {
            None => vec![whole],
            Some("flip-bit") => product("bits", &|at, bit| replaced(at, whole[at] ^ 1 << bit)),
            Some("set-byte") => product("values", &|at, value| replaced(at, value as u8)),
            Some("truncate") => {
                self.numbers("lengths").into_iter().map(|n| whole[..n].to_vec()).collect()
            }
            Some("append") => self
                .numbers("values")
                .into_iter()
                .map(|n| [&whole[..], &[n as u8]].concat())
                .collect(),
            Some(chunks) => self.chunk_changes(&whole, chunks),
        }
    }
}
