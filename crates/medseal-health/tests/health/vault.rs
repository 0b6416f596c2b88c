//! A vault in the place of a cipher: remembers plaintexts, and by which ids they were replaced.

use std::collections::BTreeMap;
use std::sync::Arc;

use medseal_health::fhir::pseudonym;
use medseal_health::{HealthError, Limits, Placement, Profile, Scanner, splice};

/// See the module.
pub(crate) struct Vault {
    scanner: Scanner,
    plain: Vec<Vec<u8>>,
    ids: BTreeMap<String, String>,
}

/// Collection, record and field of each sealed value.
type Names = Vec<(Option<String>, Option<String>, String)>;

impl Vault {
    pub(crate) fn new(profile: &str) -> Self {
        Self::of(Profile::builtin(profile).unwrap())
    }

    pub(crate) fn of(profile: Profile) -> Self {
        let scanner = Scanner::new(Arc::new(profile), Limits::default());
        Self { scanner, plain: Vec::new(), ids: BTreeMap::new() }
    }

    pub(crate) fn profile(&self) -> &str {
        self.scanner.profile().name()
    }

    /// As new, for the next document; what the scanner keeps stays.
    pub(crate) fn forget(&mut self) {
        self.plain.clear();
        self.ids.clear();
    }

    pub(crate) fn encrypt(&mut self, document: &str) -> Result<(String, Names), HealthError> {
        let Self { scanner, plain, ids } = self;
        let bytes = document.as_bytes();
        let scanned = scanner.scan(bytes)?;
        let mut replace = |id: &str| replaced(ids, id);
        let mut records = Vec::new();
        for number in 0..scanned.roots().len() {
            let mut made = |number: usize| Some(format!("made-{number}"));
            records.push(scanned.record_name(number, &mut replace, &mut made));
        }
        let (mut out, mut names) = (Vec::new(), Vec::new());
        splice(bytes, scanned.spans(), &mut out, |span, out| {
            assert!(span.sealed.is_none(), "{document}");
            match span.placement {
                Placement::Pseudonym => {
                    out.extend(replaced(ids, &document[span.value.clone()]).bytes());
                }
                Placement::Record => {
                    assert!(span.is_to_insert(), "{document}");
                    span.write_record(&format!("made-{}", span.root), out);
                }
                placement => {
                    plain.push(span.plaintext(bytes).into_owned());
                    let root = scanned.root(span).unwrap();
                    let collection = scanned.collection(root).map(|c| c.into_owned());
                    let record = records[span.root as usize].clone();
                    names.push((collection, record, scanned.field(span).to_owned()));
                    let text = text(placement, plain.len() - 1);
                    span.write_sealed(bytes, out, |out| {
                        out.extend(text.bytes());
                        Ok::<(), ()>(())
                    })?;
                }
            }
            Ok::<(), ()>(())
        })
        .unwrap();
        Ok((String::from_utf8(out).unwrap(), names))
    }

    pub(crate) fn decrypt(&mut self, document: &str) -> (String, Names) {
        let Self { scanner, plain, ids } = self;
        let bytes = document.as_bytes();
        let scanned = scanner.scan(bytes).unwrap_or_else(|error| panic!("{error}: {document}"));
        let (mut out, mut names) = (Vec::new(), Vec::new());
        splice(bytes, scanned.spans(), &mut out, |span, out| {
            let sealed = span.sealed.clone().unwrap_or_else(|| panic!("{span:?}: {document}"));
            let held = &document[sealed];
            match span.placement {
                Placement::Pseudonym => {
                    let found = ids.iter().find(|(_, replaced)| *replaced == held).unwrap();
                    out.extend(found.0.bytes());
                }
                Placement::Record => {}
                placement => {
                    let root = scanned.root(span).unwrap();
                    let number = span.root as usize;
                    let collection = scanned.collection(root).map(|c| c.into_owned());
                    let mut replaced = |id: &str| panic!("{id} in {document}");
                    let record = scanned.record_name(number, &mut replaced, &mut |_| None);
                    names.push((collection, record, scanned.field(span).to_owned()));
                    let number = (0..plain.len()).find(|n| text(placement, *n) == held).unwrap();
                    assert!(span.write_opened(bytes, &plain[number], out));
                }
            }
            Ok::<(), ()>(())
        })
        .unwrap();
        (String::from_utf8(out).unwrap(), names)
    }

    /// There and back: byte for byte, and under the same names.
    pub(crate) fn round(&mut self, document: &str) -> String {
        let (encrypted, names) = match self.encrypt(document) {
            Ok(done) => done,
            Err(error) => panic!("{}: {error}: {document}", self.profile()),
        };
        serde_json::from_str::<serde_json::Value>(&encrypted)
            .unwrap_or_else(|error| panic!("{error}: {encrypted}"));
        let (back, again) = self.decrypt(&encrypted);
        assert_eq!(back, document, "{encrypted}");
        assert_eq!(again, names, "{encrypted}");
        encrypted
    }
}

fn replaced(ids: &mut BTreeMap<String, String>, id: &str) -> String {
    let number = ids.len() as u8;
    ids.entry(id.to_owned()).or_insert_with(|| pseudonym([number; 16])).clone()
}

fn text(placement: Placement, number: usize) -> String {
    match placement {
        Placement::Attachment => format!("+AEB{number:04}"),
        _ => format!("ms1:{number}"),
    }
}
