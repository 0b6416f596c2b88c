//! The fuzz targets' checks on a fixed run of mutated documents and tables, with the stable compiler.
//!
//! It finds less than `cargo fuzz`, which is led by coverage, but it runs on every change, always on
//! the same inputs.

use std::fs;
use std::path::Path;

use medseal_health::table::Delimiter;

use crate::vault::Vault;
use crate::{oracle, table_oracle};

const DOCUMENTS: &[&str] = &[
    r#"{"a":{"x":[1,-0.5e+7,true,false,null],"a":"b\u00e9\ud83d\ude00\\"},"":"","b":[[],{}]}"#,
    "[\n  {\"first\": \"A very long string, longer than two blocks of sixteen bytes\",\r\n\t\"a\": 0 }\n]",
    r#"{"one":1,"two":2,"three":3,"four":4,"five":5,"six":6,"seven":7,"eight":8,"a\u0061":"aa"}"#,
];

const RESOURCES: &[&str] = &[
    r#"{"resourceType":"Patient","id":"p1","name":[{"family":"Doe","given":["Jane",null],"_given":[null,{"id":"g"}]}],"birthDate":"1974-12-25","_birthDate":{"id":"b"},"deceasedBoolean":false}"#,
    r#"{"resourceType":"Bundle","type":"collection","entry":[{"fullUrl":"urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0","resource":{"subject":{"reference":"Patient/p1","display":"Jane"},"valueDateTime":"2020","resourceType":"Observation","id":"o1"}}]}"#,
    r#"{"resourceType":"Patient","text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">Jane</div>"},"contained":[{"resourceType":"Person","id":"c"}],"extension":[{"url":"http://example.org/x","valueString":"Lee"}]}"#,
];

const TABLES: &[&str] = &[
    "id,a,b,r\n1,x,\"y, z\",w\n2,\"q\"\"q\",,\r\n3,\"two\nlines\",é,\n",
    "a\tb\n\"\"\t1\n",
    "one;two|three\n;|\n",
];

const TOKENS: &[&str] = &[
    "\"",
    "\\",
    "\\u0000",
    "\\ud83d",
    "\\udc00",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"a\":",
    "null",
    "true",
    "1e999",
    "-",
    "0",
    ".5",
    "\u{feff}",
    "\u{0}",
    "\u{1f}",
    "\u{7f}",
    "é",
    "😀",
    " ",
    "\n",
    "\r\n",
    "\t",
    ";",
    "|",
    "\"_birthDate\":",
    "\"extension\":[",
    "\"resourceType\":\"Binary\"",
    "\"id\":\"x\"",
    "{\"a\":",
];

/// xorshift64* (Vigna, 2016): the same numbers on every machine.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % end.max(1)
    }

    fn choose<'t, T>(&mut self, from: &'t [T]) -> &'t T {
        &from[self.below(from.len())]
    }

    /// A document with one to four changes.
    fn mutated(&mut self, corpus: &[Vec<u8>]) -> Vec<u8> {
        let mut text = self.choose(corpus).clone();
        for _ in 0..=self.below(4) {
            let at = self.below(text.len() + 1);
            let to = (at + self.below(24)).min(text.len());
            match self.below(6) {
                0 if at < text.len() => text[at] ^= 1 << self.below(8),
                1 => drop(text.drain(at..to)),
                2 => text.extend_from_within(at..to),
                3 => {
                    let other = self.choose(corpus);
                    text.truncate(at);
                    text.extend_from_slice(&other[self.below(other.len())..]);
                }
                4 => {
                    let again = text[at..to].to_vec();
                    text.splice(at..at, again);
                }
                _ => drop(text.splice(at..at, self.choose(TOKENS).bytes())),
            }
        }
        text
    }
}

fn corpus(texts: &[&str]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

#[test]
#[ignore = "takes seconds; `cargo xtask test` runs it"]
fn mutated_documents_get_the_verdict_of_serde_json() {
    let mut documents = corpus(DOCUMENTS);
    documents.extend(corpus(RESOURCES));
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
    let mut vectors: Vec<_> = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    vectors.sort();
    documents.extend(vectors.iter().map(|path| fs::read(path).unwrap()));
    let mut numbers = Numbers(0x6d65_6473_6561_6c01);
    for _ in 0..20_000 {
        oracle::check(&numbers.mutated(&documents));
    }
}

#[test]
#[ignore = "takes seconds; `cargo xtask test` runs it"]
fn mutated_resources_are_refused_or_come_back() {
    let resources = corpus(RESOURCES);
    let (mut r4, mut r5) = (Vault::new("fhir-r4"), Vault::new("fhir-r5"));
    let (mut numbers, mut opened) = (Numbers(0x6d65_6473_6561_6c02), 0);
    for number in 0..12_000 {
        let Ok(text) = String::from_utf8(numbers.mutated(&resources)) else { continue };
        let vault = if number % 2 == 0 { &mut r4 } else { &mut r5 };
        vault.forget();
        match vault.encrypt(&text) {
            Ok((encrypted, names)) => {
                assert_eq!(vault.decrypt(&encrypted), (text, names), "{encrypted}");
                opened += 1;
            }
            // the table of paths is full: start anew
            Err(error) if error.code() == "TOO_MANY_FIELDS" => {
                let profile = vault.profile().to_owned();
                *vault = Vault::new(&profile);
            }
            Err(_) => {}
        }
    }
    assert!(opened > 500, "{opened}");
}

#[test]
#[ignore = "takes seconds; `cargo xtask test` runs it"]
fn mutated_tables_have_the_cells_of_csv() {
    let tables = corpus(TABLES);
    let mut numbers = Numbers(0x6d65_6473_6561_6c03);
    for _ in 0..15_000 {
        let table = numbers.mutated(&tables);
        table_oracle::check(&table, *numbers.choose(&Delimiter::ALL));
    }
}
