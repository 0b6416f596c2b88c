//! Every published stream, with the exact class of refusal, and every accepted one written again.

use crate::support::{Dealt, kdf, lp};
use crate::vector_file::{Vector, read_folder};
use medseal_core::context::{Binding, Scope};
use medseal_core::secret::{Kek, SubjectSecret};
use medseal_core::stream::{
    Block, BodyLayout, CHUNK_BYTES, Frame, Metadata, Prefix, SEALED_CHUNK_BYTES, SessionId,
    StreamFlags, StreamKey, StreamPlace,
};
use medseal_core::{Error, KeyVersionId, Suite};
use std::collections::BTreeMap;

/// What a scenario opens with, as far as the types can hold it.
struct Opening<'a> {
    vector: &'a Vector,
    flags: StreamFlags,
    pairs: Vec<(&'a str, &'a str)>,
}

impl<'a> Opening<'a> {
    fn read(vector: &'a Vector) -> Self {
        let [flags] = vector.array("required-flags");
        let pair =
            |(name, value): &'a (String, Vec<u8>)| (&**name, std::str::from_utf8(value).unwrap());
        let pairs = vector.pairs.iter().map(pair).collect();
        Self { vector, flags: StreamFlags::from_byte(flags).unwrap(), pairs }
    }

    fn optional(&self, key: &str) -> Option<&'a str> {
        self.vector.get(key).map(|value| std::str::from_utf8(value).unwrap())
    }

    fn key(&self) -> Result<StreamKey, Error> {
        let v = self.vector;
        let scope = Scope::new(v.text("tenant"), v.text("collection"), v.text("field"))?;
        let id = KeyVersionId(v.array("key-version-id"));
        let kek = Kek::from_slice(&v.hex("kek")).unwrap();
        let tenant = self.optional("key-tenant").unwrap_or(v.text("tenant"));
        match self.optional("subject") {
            Some(subject) => {
                let secret = SubjectSecret::from_slice(&v.hex("subject-secret")).unwrap();
                let dek = kek.subject_dek(id, Suite::Aes256Gcm, tenant, subject, &secret)?;
                dek.stream_key(scope)
            }
            None => kek.tenant_dek(id, Suite::Aes256Gcm, tenant).stream_key(scope),
        }
    }

    fn place(&self) -> StreamPlace<'_> {
        let binding = Binding {
            record: self.optional("record"),
            row_version: self.optional("row-version"),
            pairs: &self.pairs,
        };
        let frame = self.optional("frame-seq").map(|seq| Frame {
            seq: seq.parse().unwrap(),
            last: self.vector.text("frame-final") == "1",
            session: self.optional("frame-session").map(|_| {
                let salt: [u8; 24] = self.vector.array("frame-session");
                session_with(salt)
            }),
        });
        StreamPlace { binding, frame }
    }

    /// Opens in the way of a reader that knows the length: blocks of two chunks.
    fn open(&self, stream: &[u8]) -> Result<(String, Vec<u8>), Error> {
        let key = self.key();
        let prefix = Prefix::parse(stream)?;
        let body = &stream[prefix.byte_len()..];
        let layout = BodyLayout::of_sealed(body.len() as u64)?;
        let (metadata, opener) = key?.open(self.flags, &self.place(), &prefix)?;
        let (mut content, mut block) = (Vec::new(), Block::with_chunks(2));
        for (n, sealed) in (0..).step_by(2).zip(body.chunks(2 * SEALED_CHUNK_BYTES)) {
            block.sealed_room(sealed.len()).copy_from_slice(sealed);
            opener.open(n, &mut block).map_err(|_| Error::Rejected)?;
            block.opened().for_each(|part| content.extend_from_slice(part));
        }
        metadata.check_size(layout.content)?;
        assert_eq!(content.len() as u64, layout.content);
        Ok((metadata.to_text().unwrap().to_string(), content))
    }

    fn content(&self) -> Vec<u8> {
        match self.optional("plaintext-pattern") {
            Some(n) => (0..n.parse().unwrap()).map(|i: usize| (i ^ i >> 8) as u8).collect(),
            None => self.vector.hex("plaintext"),
        }
    }

    /// Writes in the way of a writer of pipes: blocks of two chunks.
    fn write(&self, metadata: &Metadata, mut dealt: Dealt, content: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        let key = self.key().unwrap();
        let mut sealer =
            key.seal(self.flags, &self.place(), metadata, &mut dealt, &mut out).unwrap();
        let mut block = Block::with_chunks(2);
        let mut rest = content;
        while rest.len() >= CHUNK_BYTES {
            let (now, later) = rest.split_at(CHUNK_BYTES);
            fill(&mut block, now);
            sealer.run(1).unwrap().seal(&mut block).unwrap();
            out.extend_from_slice(block.sealed());
            rest = later;
        }
        fill(&mut block, rest);
        sealer.last_run(rest.len()).unwrap().seal(&mut block).unwrap();
        out.extend_from_slice(block.sealed());
        out
    }
}

fn fill(block: &mut Block, content: &[u8]) {
    let mut room = block.content_room();
    for (slot, part) in room.slots(content.len()).zip(content.chunks(CHUNK_BYTES)) {
        slot.copy_from_slice(part);
    }
    room.filled(content.len());
}

/// A session that begins with a frame of this salt.
fn session_with(salt: [u8; 24]) -> SessionId {
    let scope = Scope::new("t", "c", "f").unwrap();
    let kek = Kek::from_slice(&[1; 32]).unwrap();
    let key = kek.tenant_dek(KeyVersionId([0; 8]), Suite::Aes256Gcm, "t").stream_key(scope);
    let mut out = Vec::new();
    let mut dealt = Dealt([&[0; 24][..], &salt].concat());
    let place = StreamPlace::default();
    let flags = StreamFlags::UNBOUND;
    drop(key.unwrap().seal(flags, &place, &Metadata::default(), &mut dealt, &mut out).unwrap());
    SessionId::of_first(&Prefix::parse(&out).unwrap())
}

fn class<T>(outcome: &Result<T, Error>) -> &'static str {
    match outcome {
        Ok(_) => "success",
        Err(Error::Malformed(_)) => "malformed",
        Err(Error::Rejected) => "rejected",
        Err(Error::Misuse(_)) => "misuse",
        Err(_) => "another error",
    }
}

/// A key of another tenant cannot be made for the place at all, which is the refusal.
fn inexpressible(vector: &Vector) -> bool {
    vector.name == "rejected-key-of-another-tenant"
}

#[test]
fn every_stream_vector_gives_its_class() {
    let published = read_folder("compat/v1/stream");
    assert!(!published.is_empty());
    let mut vectors = read_folder("stream");
    assert!(vectors.len() > 100);
    vectors.extend(published);
    let bodies: BTreeMap<&str, Vec<u8>> = vectors
        .iter()
        .filter(|v| v.name.starts_with("accept-"))
        .map(|v| (v.name.as_str(), v.envelopes().remove(0)))
        .collect();
    for vector in &vectors {
        let opening = Opening::read(vector);
        let streams = match vector.get("body-of") {
            Some(_) => vector.changes_of(bodies[vector.text("body-of")].clone()),
            None => vector.envelopes(),
        };
        assert!(!streams.is_empty());
        if inexpressible(vector) {
            assert_eq!(class(&opening.key()), "misuse");
            continue;
        }
        for (number, stream) in streams.iter().enumerate() {
            let outcome = opening.open(stream);
            let expected = vector.text("expect");
            // a misused context is refused as such when writing; a reader has one answer
            let name = &vector.name;
            assert_eq!(class(&outcome), expected, "{name} #{number}: {outcome:?}");
            if let Ok((metadata, content)) = outcome {
                assert_eq!(metadata, vector.text("metadata"), "{name}");
                assert_eq!(content, opening.content(), "{name}");
            }
        }
    }
}

#[test]
fn every_accepted_stream_is_written_again() {
    for vector in read_folder("stream").iter().filter(|v| v.text("expect") == "success") {
        let opening = Opening::read(vector);
        let stream = vector.envelopes().remove(0);
        let prefix = Prefix::parse(&stream).unwrap();
        let place = opening.place();
        let (metadata, _) = opening.key().unwrap().open(opening.flags, &place, &prefix).unwrap();
        let drawn = ["metadata-salt", "metadata-nonce", "salt"].map(|key| vector.hex(key)).concat();
        let written = opening.write(&metadata, Dealt(drawn), &opening.content());
        assert_eq!(written, stream, "{}", vector.name);
    }
}

#[test]
fn reserved_names_are_refused_in_writing() {
    let misused = read_folder("stream").into_iter().filter(|v| v.text("expect") == "misuse");
    let names: Vec<String> = misused
        .map(|vector| {
            let opening = Opening::read(&vector);
            let mut out = Vec::new();
            let key = opening.key().unwrap();
            let (place, metadata) = (opening.place(), Metadata::default());
            let mut dealt = Dealt(vec![0; 48]);
            let sealed = key.seal(opening.flags, &place, &metadata, &mut dealt, &mut out);
            assert_eq!((class(&sealed), out.len()), ("misuse", 0), "{}", vector.name);
            vector.name.clone()
        })
        .collect();
    assert_eq!(names.len(), 6);
}

/// The key of the body as the specification derives it, by another KDF.
#[test]
fn the_stream_key_is_the_dek_s() {
    let vector = read_folder("stream").into_iter().find(|v| v.name == "accept-record").unwrap();
    let id = vector.hex("key-version-id");
    let names = |keys: &[&str]| keys.iter().map(|key| lp(vector.text(key).as_bytes())).collect();
    let tenant: Vec<Vec<u8>> = names(&["tenant"]);
    let place: Vec<Vec<u8>> = names(&["collection", "field"]);
    let dek_context = [id, tenant.concat()].concat();
    let dek = kdf(&vector.hex("kek"), "medseal/v1/dek-tenant", &dek_context, 32);
    let k_stream = kdf(&dek, "medseal/v1/k-stream", &place.concat(), 32);
    let stream = vector.envelopes().remove(0);
    let input_key = kdf(&k_stream, "medseal/v1/stream", &stream[..12], 32);
    let prefix = Prefix::parse(&stream).unwrap();
    let metadata = &stream[16..16 + prefix.metadata_len()];
    let opening = Opening::read(&vector);
    let mut context = Vec::new();
    let scope =
        Scope::new(vector.text("tenant"), vector.text("collection"), vector.text("field")).unwrap();
    let binding = opening.place().binding;
    medseal_core::context::encode_into(&scope, None, &binding, &mut context).unwrap();
    let salt = &stream[prefix.byte_len() - 56..prefix.byte_len() - 32];
    let info = [
        b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0".as_slice(),
        salt,
        b"medseal/v1/stream\0",
        &stream[..12],
        &medseal_core::primitives::sha256(metadata),
        &context,
    ]
    .concat();
    let okm = expand_sha512(&input_key, &info, 76);
    assert_eq!(okm[44..], stream[prefix.byte_len() - 32..prefix.byte_len()]);
}

/// RFC 5869 section 2.3 over aws-lc's HMAC.
fn expand_sha512(key: &[u8], info: &[u8], len: usize) -> Vec<u8> {
    use aws_lc_rs::hmac;
    let key = hmac::Key::new(hmac::HMAC_SHA512, key);
    let (mut out, mut previous) = (Vec::new(), Vec::new());
    for n in 1..=u8::try_from(len.div_ceil(64)).unwrap() {
        previous = hmac::sign(&key, &[&previous[..], info, &[n]].concat()).as_ref().to_vec();
        out.extend_from_slice(&previous);
    }
    out.truncate(len);
    out
}
