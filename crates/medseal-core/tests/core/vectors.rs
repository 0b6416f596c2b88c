//! Every published vector, with the exact class of refusal: what another implementation is held to,
//! this one is held to first.

use crate::context::{Part, decode};
use crate::support::{Dealt, hmac_sha256, kdf, lp, open_with_aws_lc, unhex};
use crate::vector_file::{Vector, read_folder};
use medseal_core::context::{Binding, Scope, encode_into};
use medseal_core::envelope::{
    Envelope, Flags, Header, InlineToken, Value, decode_text, encode_text_into,
};
use medseal_core::key_schedule::FieldKey;
use medseal_core::primitives::hmac_sha256::HmacKey;
use medseal_core::row_mac::{Column, primary_key};
use medseal_core::secret::{EpochKey, Kek, Kwk, SubjectSecret};
use medseal_core::stored_secret::{Month, Place, WrapKey};
use medseal_core::{Error, KeyVersionId, StoreId, Suite};

/// Scenarios that the types of this crate cannot express, and why.
const INEXPRESSIBLE: [(&str, &str); 3] = [
    ("misuse-field-missing", "a Scope has a tenant, a collection and a field"),
    ("misuse-record-not-utf8", "a record is a &str"),
    ("rejected-key-of-another-tenant", "a Dek makes no key of another tenant's scope: KeyLevel"),
];

type Opened = Result<Vec<u8>, Error>;

fn class<T>(outcome: &Result<T, Error>) -> &'static str {
    match outcome {
        Ok(_) => "success",
        Err(Error::Malformed(_)) => "malformed",
        Err(Error::Rejected) => "rejected",
        Err(Error::Misuse(_)) => "misuse",
        Err(_) => "another error",
    }
}

/// What a field scenario gives, as far as this crate's types can hold it.
struct Field<'a> {
    vector: &'a Vector,
    flags: Flags,
    suite: Suite,
    names: [&'a str; 3],
    record: Option<&'a str>,
    subject: Option<&'a str>,
    row_version: Option<&'a str>,
    pairs: Vec<(&'a str, &'a str)>,
}

impl<'a> Field<'a> {
    fn read(vector: &'a Vector) -> Option<Self> {
        let optional = |key: &str| vector.get(key).map(std::str::from_utf8).transpose().ok();
        let pair = |(name, value): &'a (String, Vec<u8>)| {
            Some((name.as_str(), std::str::from_utf8(value).ok()?))
        };
        let own_tenant = vector.get("key-tenant").is_none_or(|t| Some(t) == vector.get("tenant"));
        let [suite] = vector.array("required-suite");
        let [flags] = vector.array("required-flags");
        own_tenant.then_some(Self {
            vector,
            flags: Flags::from_byte(flags).unwrap(),
            suite: Suite::from_code(suite).unwrap(),
            names: [optional("tenant")??, optional("collection")??, optional("field")??],
            record: optional("record")?,
            subject: optional("subject")?,
            row_version: optional("row-version")?,
            pairs: vector.pairs.iter().map(pair).collect::<Option<_>>()?,
        })
    }

    fn binding(&self) -> Binding<'_> {
        Binding { record: self.record, row_version: self.row_version, pairs: &self.pairs }
    }

    fn key(&self) -> Result<FieldKey, Error> {
        let [tenant, collection, field] = self.names;
        let scope = Scope::new(tenant, collection, field)?;
        let id = KeyVersionId(self.vector.array("key-version-id"));
        if self.vector.get("k-field").is_some() {
            let key = self.vector.array("k-field");
            return FieldKey::from_bytes(&key, id, self.suite, scope, self.subject);
        }
        let raw_kek = self.vector.hex("kek");
        let kek = Kek::from_slice(&raw_kek).unwrap();
        match self.subject {
            Some(subject) if self.flags.subject_bound() => {
                let secret = SubjectSecret::from_slice(&self.vector.hex("subject-secret")).unwrap();
                kek.subject_dek(id, self.suite, tenant, subject, &secret)?.field_key(scope)
            }
            // a subject that the flags do not ask for: the tenant's key, with the subject claimed
            Some(_) => {
                let place = [lp(collection.as_bytes()), lp(field.as_bytes())].concat();
                let context = [&id.0[..], &lp(tenant.as_bytes())].concat();
                let dek = kdf(&raw_kek, "medseal/v1/dek-tenant", &context, 32);
                let key = kdf(&dek, "medseal/v1/k-field", &place, 32).try_into().unwrap();
                FieldKey::from_bytes(&key, id, self.suite, scope, self.subject)
            }
            None => kek.tenant_dek(id, self.suite, tenant).field_key(scope),
        }
    }

    /// Opens and, when that succeeds, holds the plaintext to the file and writes the same again.
    fn open(&self, binary: &[u8]) -> Opened {
        let (key, envelope) = (self.key()?, Envelope::parse(binary)?);
        let opened = key.decrypt(self.flags, &self.binding(), &envelope)?;
        let vector = self.vector;
        assert_eq!(u64::from(opened.value_type().code()), vector.number("value-type"));
        assert_eq!(opened.as_bytes(), vector.hex("plaintext"), "{}", vector.name);
        let display = opened.to_display_bytes();
        let value = Value::parse(opened.value_type(), &display).unwrap();
        assert_eq!(self.write(&value, vector.dealt())?, binary, "{}", vector.name);
        Ok(binary.to_vec())
    }

    fn write(&self, value: &Value<'_>, mut dealt: Dealt) -> Opened {
        let token = self.vector.get("token").map(|_| InlineToken(self.vector.array("token")));
        let mut out = Vec::new();
        self.key()?.encrypt_into(
            self.flags,
            &self.binding(),
            token,
            value,
            &mut dealt,
            &mut out,
        )?;
        Ok(out)
    }

    fn run(&self) {
        let expected = self.vector.text("expect");
        if self.vector.text("form") == "text" {
            let outcome = decode_text(&self.vector.body).and_then(|binary| self.open(&binary));
            assert_eq!(class(&outcome), expected, "{}", self.vector.name);
            return outcome.into_iter().for_each(|binary| self.has_text_form(&binary));
        }
        for (number, envelope) in self.vector.envelopes().iter().enumerate() {
            let outcome = self.open(envelope);
            assert_eq!(class(&outcome), expected, "{} #{number}: {outcome:?}", self.vector.name);
        }
        if expected == "misuse" {
            let written = self.write(&Value::string(""), Dealt(vec![7; 24]));
            assert_eq!(class(&written), "misuse", "writing {}", self.vector.name);
        }
    }

    fn has_text_form(&self, binary: &[u8]) {
        let mut text = Vec::new();
        encode_text_into(binary, &mut text);
        assert_eq!(text, self.vector.body, "{}", self.vector.name);
    }
}

impl Vector {
    fn dealt(&self) -> Dealt {
        Dealt([self.hex("salt"), self.hex("nonce")].concat())
    }
}

fn run_fields(folder: &str, passed_over: &mut Vec<String>) {
    let vectors = read_folder(folder);
    assert!(!vectors.is_empty(), "{folder}");
    for vector in &vectors {
        match Field::read(vector) {
            Some(field) => field.run(),
            None => passed_over.push(vector.name.clone()),
        }
    }
}

#[test]
fn every_field_vector_gives_its_class() {
    let mut passed_over = Vec::new();
    run_fields("field", &mut passed_over);
    run_fields("compat/v1/field", &mut passed_over);
    assert_eq!(passed_over, INEXPRESSIBLE.map(|(name, _)| name));
}

/// A stored secret's place, owned.
struct Stored {
    store: StoreId,
    key: Vec<u8>,
}

impl Stored {
    fn read(vector: &Vector) -> Self {
        let columns: Vec<&str> =
            vector.columns.iter().map(|column| std::str::from_utf8(column).unwrap()).collect();
        Self { store: StoreId::parse(vector.text("store-id")).unwrap(), key: primary_key(&columns) }
    }

    fn place<'a>(&'a self, vector: &'a Vector) -> Place<'a> {
        Place {
            store: &self.store,
            table: vector.text("table"),
            primary_key: &self.key,
            version: vector.number("version"),
            purpose: vector.text("purpose"),
        }
    }
}

fn wrap_key(vector: &Vector, kwk_version: u32) -> WrapKey {
    let kwk = Kwk::from_slice(&vector.hex("kwk")).unwrap();
    match vector.number("month") {
        0 => kwk.wrap_key(kwk_version),
        month => {
            let month = Month::from_yyyymm(month as u32).unwrap();
            let epoch = EpochKey::from_slice(&vector.hex("epoch-key")).unwrap();
            kwk.wrap_key_for_month(kwk_version, month, &epoch)
        }
    }
}

fn run_secret(vector: &Vector) {
    let stored = Stored::read(vector);
    let (place, expected) = (stored.place(vector), vector.text("expect"));
    let key = wrap_key(vector, vector.number("kwk-version") as u32);
    for (number, envelope) in vector.envelopes().iter().enumerate() {
        let outcome = key.unwrap(&place, envelope);
        assert_eq!(class(&outcome), expected, "{} #{number}", vector.name);
        if let Ok(secret) = outcome {
            assert_eq!(*secret, vector.hex("plaintext"), "{}", vector.name);
            let written = key.wrap(&place, &secret, &mut vector.dealt()).unwrap();
            assert_eq!(&written, envelope, "{}", vector.name);
        }
    }
}

#[test]
fn every_stored_secret_vector_gives_its_class() {
    for folder in ["secret", "compat/v1/secret"] {
        let vectors = read_folder(folder);
        assert!(!vectors.is_empty(), "{folder}");
        vectors.iter().for_each(run_secret);
    }
}

/// The KDF of the format over the crate's own HMAC: no call of the crate derives from free text.
fn kdf_over_core_hmac(key: [u8; 32], label: &str, context: &[u8], len: usize) -> Vec<u8> {
    let fixed = [label.as_bytes(), &[0], context, &(8 * len as u32).to_be_bytes()].concat();
    let block = |i: u32| HmacKey::new(&key).mac(&[&i.to_be_bytes()[..], &fixed].concat()).to_vec();
    let mut blocks: Vec<u8> = (1..=len.div_ceil(32) as u32).flat_map(block).collect();
    blocks.truncate(len);
    blocks
}

fn run_kdf(vector: &Vector) {
    let (label, context) = (vector.text("label"), vector.hex("context"));
    let len = vector.number("length") as usize;
    let output = kdf_over_core_hmac(vector.array("key"), label, &context, len);
    assert_eq!(output, vector.hex("output"), "{}", vector.name);
    assert_eq!(output, kdf(&vector.hex("key"), label, &context, len), "{}", vector.name);
}

/// A field key does not show its bytes: two keys are equal when they write the same envelope.
fn run_keys(vector: &Vector) {
    let scope = || {
        let names = ["tenant", "collection", "field"].map(|key| vector.text(key));
        Scope::new(names[0], names[1], names[2]).unwrap()
    };
    let subject = vector.get("subject").map(|_| vector.text("subject"));
    let id = KeyVersionId(vector.array("key-version-id"));
    let kek = Kek::from_slice(&vector.hex("kek")).unwrap();
    let suite = Suite::Aes256Gcm;
    let dek = match subject {
        None => kek.tenant_dek(id, suite, vector.text("tenant")),
        Some(subject) => {
            let secret = SubjectSecret::from_slice(&vector.hex("subject-secret")).unwrap();
            kek.subject_dek(id, suite, vector.text("tenant"), subject, &secret).unwrap()
        }
    };
    let raw = vector.array("k-field");
    let given = FieldKey::from_bytes(&raw, id, suite, scope(), subject).unwrap();
    let flags = Flags::new(false, false, false, subject.is_some()).unwrap();
    let written = [dek.field_key(scope()).unwrap(), given].map(|key| {
        let (mut out, mut dealt) = (Vec::new(), Dealt(vec![3; 24]));
        let value = Value::string("x");
        key.encrypt_into(flags, &Binding::default(), None, &value, &mut dealt, &mut out).unwrap();
        out
    });
    assert_eq!(written[0], written[1], "{}", vector.name);
    // K_stream has no user in this crate yet; the label and the derivation are held to the file
    let place = [lp(vector.text("collection").as_bytes()), lp(vector.text("field").as_bytes())];
    for (label, key) in [("medseal/v1/k-field", "k-field"), ("medseal/v1/k-stream", "k-stream")] {
        let derived = kdf_over_core_hmac(vector.array("dek"), label, &place.concat(), 32);
        assert_eq!(derived, vector.hex(key), "{}", vector.name);
    }
}

fn run_context(vector: &Vector) {
    let [tenant, collection, field] = ["tenant", "collection", "field"].map(|key| vector.text(key));
    let text = |key: &str| vector.get(key).map(|value| std::str::from_utf8(value).unwrap());
    let pairs: Vec<(&str, &str)> = vector
        .pairs
        .iter()
        .map(|(name, value)| (name.as_str(), std::str::from_utf8(value).unwrap()))
        .collect();
    let binding =
        Binding { record: text("record"), row_version: text("row-version"), pairs: &pairs };
    let subject = text("subject").map(|s| medseal_core::context::Subject::new(s).unwrap());
    let mut out = Vec::new();
    let scope = Scope::new(tenant, collection, field).unwrap();
    encode_into(&scope, subject.as_ref(), &binding, &mut out).unwrap();
    assert_eq!(out, vector.hex("ctx"), "{}", vector.name);
}

/// Writes the message that `header` and `ctx` name, and opens it with the AEAD key of the file.
fn run_message(vector: &Vector) {
    let header_bytes = vector.hex("header");
    let header = Header::parse(&header_bytes).unwrap();
    assert_eq!(header.to_bytes().to_vec(), header_bytes);
    let parts = decode(&vector.hex("ctx")).unwrap();
    let text = |tag: u8| {
        parts.iter().find_map(|part| match part {
            Part::Text(t, text) if *t == tag => Some(text.as_str()),
            _ => None,
        })
    };
    let scope = Scope::new(text(1).unwrap(), text(2).unwrap(), text(3).unwrap()).unwrap();
    let raw = vector.array("k-field");
    let key = FieldKey::from_bytes(&raw, header.id, header.suite, scope, text(5)).unwrap();
    let binding = Binding { record: text(4), row_version: text(6), pairs: &[] };
    let (mut out, nonce) = (Vec::new(), [9; 12]);
    let mut dealt = Dealt([vector.hex("salt"), nonce.to_vec()].concat());
    let value = Value::string("x");
    key.encrypt_into(header.flags, &binding, None, &value, &mut dealt, &mut out).unwrap();
    assert_eq!(out[36..68], vector.hex("commitment"), "{}", vector.name);
    let opened =
        open_with_aws_lc(header.suite, &vector.hex("aead-key"), nonce, &out[..12], &out[68..]);
    assert_eq!(opened.unwrap(), b"\x01x", "{}", vector.name);
}

/// Holds a stored secret's commitment to W and CTX that stand outside the crate.
fn commitment_is(key: &WrapKey, place: &Place<'_>, w: &[u8], ctx: &[u8], name: &str) {
    let written = key.wrap(place, b"s", &mut Dealt(vec![5; 24])).unwrap();
    let okm = kdf(w, "medseal/v1/field", &[&written[..24], ctx].concat(), 64);
    assert_eq!(written[36..68], okm[..32], "{name}");
}

const STORE: &str = "018f3c2e-7b7a-7cc2-98ab-0123456789ab";

fn run_wrap_key(vector: &Vector) {
    let store = StoreId::parse(STORE).unwrap();
    let place = Place { store: &store, table: "t", primary_key: b"", version: 1, purpose: "p" };
    let version = [&[0x13, 0, 0, 0, 8][..], &1u64.to_be_bytes()].concat();
    let text = |tag: u8, text: &str| [&[tag][..], &lp(text.as_bytes())].concat();
    let parts = [text(0x10, STORE), text(0x11, "t"), text(0x12, ""), version, text(0x14, "p")];
    let ctx = [&[5][..], &parts.concat()].concat();
    commitment_is(&wrap_key(vector, 1), &place, &vector.hex("wrap-key"), &ctx, &vector.name);
}

fn run_secret_context(vector: &Vector) {
    let stored = Stored::read(vector);
    let w = kdf(&[7; 32], "medseal/v1/wrap-key", &[0; 4], 32);
    let key = Kwk::from_slice(&[7; 32]).unwrap().wrap_key(1);
    commitment_is(&key, &stored.place(vector), &w, &vector.hex("ctx"), &vector.name);
}

fn run_row_mac(vector: &Vector) {
    let store = StoreId::parse(vector.text("store-id")).unwrap();
    let key = Kwk::from_slice(&vector.hex("kwk")).unwrap().row_mac_key(&store);
    let mac = key.mac("t", b"k", 2, &[Column::Null]).unwrap();
    let message = [lp(b"t"), lp(b"k"), 2u64.to_be_bytes().to_vec(), unhex(b"81f6")].concat();
    assert_eq!(mac.to_vec(), hmac_sha256(&vector.hex("row-mac-key"), &message), "{}", vector.name);
}

#[test]
fn every_derivation_vector_gives_its_answer() {
    for folder in ["derivation", "compat/v1/derivation"] {
        let vectors = read_folder(folder);
        assert!(!vectors.is_empty(), "{folder}");
        for vector in &vectors {
            match vector.text("derive") {
                "kdf" => run_kdf(vector),
                "tenant" | "subject" => run_keys(vector),
                "context" => run_context(vector),
                "message" => run_message(vector),
                "wrap-key" => run_wrap_key(vector),
                "row-mac" => run_row_mac(vector),
                "secret-context" => run_secret_context(vector),
                other => panic!("{}: unknown derivation {other}", vector.name),
            }
        }
    }
}

#[test]
fn no_folder_of_vectors_is_forgotten() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors");
    let folders = |below: &str| {
        let entries = std::fs::read_dir(root.join(below)).unwrap().map(|entry| entry.unwrap());
        let folders = entries.filter(|entry| entry.file_type().unwrap().is_dir());
        let mut names: Vec<_> =
            folders.map(|entry| entry.file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };
    assert_eq!(folders(""), ["compat", "derivation", "field", "secret", "stream", "third-party"]);
    assert_eq!(folders("compat"), ["v1"]);
    assert_eq!(folders("compat/v1"), ["derivation", "field", "secret", "stream"]);
}
