//! Streams beyond what vectors can say: dealing out chunks, blocks, layout, sessions.

use crate::support::Counting;
use medseal_core::context::{Binding, Scope};
use medseal_core::envelope::Flags;
use medseal_core::secret::Kek;
use medseal_core::stream::{
    Block, BodyLayout, ByteOrder, CHUNK_BYTES, ChunkRejected, Dtype, FRAME_HEADER_BYTES,
    FrameHeader, MAX_CHUNKS, Metadata, Order, Prefix, SEALED_CHUNK_BYTES, Sealer, SessionId,
    SessionReader, SessionWriter, StreamFlags, StreamKey, StreamPlace, chunk_offset,
    sealed_body_len,
};
use medseal_core::{Error, KeyVersionId, MalformedKind, MisuseKind, Suite};
use proptest::prelude::*;

const ID: KeyVersionId = KeyVersionId([7; 8]);

fn key() -> StreamKey {
    let kek = Kek::from_slice(&[9; 32]).unwrap();
    let scope = Scope::new("t", "files", "content").unwrap();
    kek.tenant_dek(ID, Suite::Aes256Gcm, "t").stream_key(scope).unwrap()
}

fn whole() -> StreamPlace<'static> {
    StreamPlace::default()
}

fn start(out: &mut Vec<u8>) -> Sealer {
    let random = &mut Counting::default();
    key().seal(StreamFlags::UNBOUND, &whole(), &Metadata::default(), random, out).unwrap()
}

fn content(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i * 7 + i / 251) as u8).collect()
}

fn fill(block: &mut Block, content: &[u8]) {
    let mut room = block.content_room();
    for (slot, part) in room.slots(content.len()).zip(content.chunks(CHUNK_BYTES)) {
        slot.copy_from_slice(part);
    }
    room.filled(content.len());
}

fn open_blocks(stream: &[u8], chunks: usize) -> Result<Vec<u8>, ChunkRejected> {
    let prefix = Prefix::parse(stream).unwrap();
    let (_, opener) = key().open(StreamFlags::UNBOUND, &whole(), &prefix).unwrap();
    let (mut block, mut out) = (Block::with_chunks(chunks), Vec::new());
    let body = &stream[prefix.byte_len()..];
    for (n, sealed) in body.chunks(chunks * SEALED_CHUNK_BYTES).enumerate() {
        block.sealed_room(sealed.len()).copy_from_slice(sealed);
        opener.open((n * chunks) as u64, &mut block)?;
        block.opened().for_each(|part| out.extend_from_slice(part));
    }
    Ok(out)
}

#[test]
fn runs_may_be_sealed_in_any_order_and_by_several_threads() {
    let text = content(5 * CHUNK_BYTES + 77);
    let mut out = Vec::new();
    let mut sealer = start(&mut out);
    let runs = [sealer.run(2).unwrap(), sealer.run(2).unwrap(), {
        let last = sealer.last_run(CHUNK_BYTES + 77).unwrap();
        assert_eq!((last.first(), last.content_len()), (4, CHUNK_BYTES + 77));
        last
    }];
    let parts: Vec<&[u8]> = text.chunks(2 * CHUNK_BYTES).collect();
    let sealed = std::thread::scope(|scope| {
        let work = |(run, part): (medseal_core::stream::SealRun, &[u8])| {
            let mut block = Block::with_chunks(2);
            fill(&mut block, part);
            run.seal(&mut block).unwrap();
            block.sealed().to_vec()
        };
        let pairs = runs.into_iter().zip(parts.iter().copied());
        let threads: Vec<_> = pairs.map(|pair| scope.spawn(move || work(pair))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    // the same random bytes, sealed in one go
    let mut again = Vec::new();
    start(&mut again).seal_all(&text, &mut again).unwrap();
    out.extend(sealed.concat());
    assert_eq!(out, again);
    assert_eq!(open_blocks(&out, 3).unwrap(), text);
}

#[test]
fn a_run_seals_only_the_length_it_was_dealt_for() {
    let mut block = Block::with_chunks(2);
    let refused = Err(Error::Misuse(MisuseKind::StreamLength));
    for len in [0, CHUNK_BYTES - 1, CHUNK_BYTES + 1, 2 * CHUNK_BYTES] {
        fill(&mut block, &content(len));
        let mut sealer = start(&mut Vec::new());
        assert_eq!(sealer.run(1).unwrap().seal(&mut block), refused, "{len}");
        assert!(block.sealed().is_empty());
    }
    let mut sealer = start(&mut Vec::new());
    fill(&mut block, &content(CHUNK_BYTES));
    sealer.run(1).unwrap().seal(&mut block).unwrap();
    assert_eq!(block.sealed().len(), SEALED_CHUNK_BYTES);
    // what was sealed is content no more
    assert_eq!(sealer.run(1).unwrap().seal(&mut block), refused);
}

#[test]
fn chunk_numbers_end_before_they_repeat() {
    let mut sealer = start(&mut Vec::new());
    let most = usize::try_from(MAX_CHUNKS).unwrap() - 1;
    assert_eq!(sealer.run(most).unwrap().first(), 0);
    assert_eq!(sealer.run(1).err(), Some(MisuseKind::StreamLength.into()));
    assert!(sealer.last_run(CHUNK_BYTES - 1).is_ok());
    let mut sealer = start(&mut Vec::new());
    assert_eq!(sealer.run(usize::MAX).err(), Some(MisuseKind::StreamLength.into()));
}

#[test]
fn a_block_gives_out_only_what_was_opened() {
    let (text, mut stream) = (content(3 * CHUNK_BYTES), Vec::new());
    start(&mut stream).seal_all(&text, &mut stream).unwrap();
    let prefix = Prefix::parse(&stream).unwrap();
    let (_, opener) = key().open(StreamFlags::UNBOUND, &whole(), &prefix).unwrap();
    let mut body = stream[prefix.byte_len()..].to_vec();
    body[2 * SEALED_CHUNK_BYTES - 1] ^= 1;
    let mut block = Block::with_chunks(4);
    block.sealed_room(body.len()).copy_from_slice(&body);
    assert_eq!((block.opened().count(), block.opened_len()), (0, 0));
    assert!(block.sealed().is_empty(), "what was read is not what was made here");
    assert_eq!(opener.open(0, &mut block), Err(ChunkRejected { chunk: 1 }));
    let opened: Vec<&[u8]> = block.opened().collect();
    assert_eq!((opened, block.opened_len()), (vec![&text[..CHUNK_BYTES]], CHUNK_BYTES));
    // a shorter read than there was room for
    block.sealed_room(2 * SEALED_CHUNK_BYTES).copy_from_slice(&body[..2 * SEALED_CHUNK_BYTES]);
    block.truncate_sealed(SEALED_CHUNK_BYTES);
    opener.open(0, &mut block).unwrap();
    assert_eq!(block.opened_len(), CHUNK_BYTES);
    // a number that is not the chunk's own
    block.sealed_room(SEALED_CHUNK_BYTES).copy_from_slice(&body[..SEALED_CHUNK_BYTES]);
    assert_eq!(opener.open(1, &mut block), Err(ChunkRejected { chunk: 1 }));
    assert_eq!(ChunkRejected { chunk: 1 }.to_string(), "chunk 1 does not open");
}

#[test]
fn layout_is_the_specification_s() {
    assert_eq!([0, 1, 2].map(chunk_offset), [0, 16_400, 32_800]);
    for (content, sealed, chunks) in [
        (0u64, 16u64, 1),
        (1, 17, 1),
        (16_383, 16_399, 1),
        (16_384, 16_416, 2),
        (20_480, 20_512, 2),
        ((1 << 52) - 1, (1 << 52) - 1 + (16 << 38), 1 << 38),
    ] {
        assert_eq!(sealed_body_len(content), sealed);
        assert_eq!(BodyLayout::of_sealed(sealed), Ok(BodyLayout { chunks, content }));
    }
    let none = Err(Error::Malformed(MalformedKind::NoEnd));
    for sealed in [0, 15, 16_400, 16_415, 32_800, u64::MAX] {
        assert_eq!(BodyLayout::of_sealed(sealed), none, "{sealed}");
    }
    let layout = BodyLayout::of_sealed(20_512).unwrap();
    assert_eq!([0, 1].map(|n| layout.content_of(n)), [16_384, 4096]);
    assert_eq!([0, 1].map(|n| layout.sealed_of(n)), [16_400, 4112]);
}

#[test]
fn a_key_of_another_suite_or_tenant_makes_no_streams() {
    let kek = Kek::from_slice(&[9; 32]).unwrap();
    let scope = || Scope::new("t", "files", "content").unwrap();
    let level = Some(Error::Misuse(MisuseKind::KeyLevel));
    assert_eq!(kek.tenant_dek(ID, Suite::ChaCha20Poly1305, "t").stream_key(scope()).err(), level);
    assert_eq!(kek.tenant_dek(ID, Suite::Aes256Gcm, "u").stream_key(scope()).err(), level);
    let key = key();
    assert_eq!((key.id(), key.scope().field()), (ID, "content"));
    // flags and place must agree
    let mut out = Vec::new();
    let mut seal = |flags, binding| {
        let place = StreamPlace::whole(binding);
        let sealed =
            key.seal(flags, &place, &Metadata::default(), &mut Counting::default(), &mut out);
        sealed.err()
    };
    let contradiction = Some(Error::Misuse(MisuseKind::FlagsAndContext));
    assert_eq!(seal(StreamFlags::UNBOUND, Binding::record("r")), contradiction);
    assert_eq!(seal(StreamFlags::RECORD_BOUND, Binding::default()), contradiction);
    assert_eq!(seal(StreamFlags::from_byte(8).unwrap(), Binding::default()), level);
    assert!(out.is_empty());
}

#[test]
fn a_definition_s_flags_are_a_stream_s_or_refused() {
    let of = |padded, record, token| {
        StreamFlags::of_definition(Flags::new(padded, record, token, false).unwrap())
    };
    assert_eq!(of(false, true, false), Ok(StreamFlags::RECORD_BOUND));
    assert_eq!(of(false, false, false), Ok(StreamFlags::UNBOUND));
    for (padded, token) in [(true, false), (false, true), (true, true)] {
        assert_eq!(of(padded, true, token), Err(MisuseKind::Flags.into()));
    }
    let bound = StreamFlags::from_byte(0x0a).unwrap();
    assert!(bound.record_bound() && bound.subject_bound());
    assert_eq!(StreamFlags::from_byte(0x10), Err(MalformedKind::Recipients.into()));
    assert_eq!(StreamFlags::from_byte(0x11), Err(MalformedKind::Flags.into()));
}

#[test]
fn metadata_says_what_it_can_and_prints_nothing() {
    let metadata = Metadata {
        name: Some("doe.npy".to_owned().into()),
        kind: Some("npy".to_owned()),
        size: Some(128),
        dtype: Some(Dtype::F32),
        byte_order: Some(ByteOrder::Little),
        shape: Some(vec![32, 1]),
        order: Some(Order::C),
    };
    assert_eq!(format!("{metadata:?}"), "Metadata(..)");
    assert_eq!((metadata.check_size(128), metadata.check_size(1)), (Ok(()), Err(Error::Rejected)));
    for dtype in Dtype::ALL {
        assert_eq!(Dtype::from_name(dtype.name()), Some(*dtype));
    }
    let bytes: u64 = Dtype::ALL.iter().filter_map(|dtype| dtype.item_bytes()).sum();
    assert_eq!((bytes, Dtype::Opaque.item_bytes()), (3 + 6 + 12 + 32 + 16, None));
    for (broken, what) in [
        (Metadata { name: Some("a/b".to_owned().into()), ..Metadata::default() }, "a name"),
        (Metadata { kind: Some("A".to_owned()), ..Metadata::default() }, "a kind"),
        (Metadata { size: Some(1 << 52), ..Metadata::default() }, "the size"),
        (Metadata { shape: Some(vec![1; 65]), ..Metadata::default() }, "a shape"),
    ] {
        let Err(Error::Misuse(MisuseKind::Metadata(why))) = broken.to_text() else {
            panic!("{what} was accepted")
        };
        assert!(why.starts_with(what), "{why}");
    }
}

fn frames(parts: &[&[u8]]) -> Vec<Vec<u8>> {
    frames_from(parts, &mut Counting::default())
}

fn frames_from(parts: &[&[u8]], random: &mut Counting) -> Vec<Vec<u8>> {
    let (key, binding, metadata) = (key(), Binding::default(), Metadata::default());
    let mut writer = SessionWriter::new(&key, StreamFlags::UNBOUND);
    let (last, before) = parts.split_last().unwrap();
    let mut out = Vec::new();
    for part in before {
        let mut frame = Vec::new();
        writer.write(&binding, &metadata, part, random, &mut frame).unwrap();
        out.push(frame);
    }
    let mut frame = Vec::new();
    writer.finish(&binding, &metadata, last, random, &mut frame).unwrap();
    out.push(frame);
    out
}

fn read(reader: &mut SessionReader<'_>, frame: &[u8]) -> Result<Vec<u8>, Error> {
    let header = FrameHeader::parse(frame)?;
    let stream = &frame[FRAME_HEADER_BYTES..];
    assert_eq!(header.stream_len as usize, stream.len());
    let (_, content) = reader.open(&Binding::default(), header, stream)?;
    assert_eq!(format!("{content:?}"), "FrameContent(..)");
    Ok(content.as_bytes().to_vec())
}

fn read_all(frames: &[&Vec<u8>]) -> Result<Vec<Vec<u8>>, Error> {
    let key = key();
    let mut reader = SessionReader::new(&key, StreamFlags::UNBOUND);
    frames.iter().map(|frame| read(&mut reader, frame)).collect()
}

#[test]
fn frames_open_in_their_order_and_in_no_other() {
    let parts = [&b"one"[..], &content(CHUNK_BYTES), b"", b"four"];
    let session = frames(&parts);
    let [a, b, c, d] = [&session[0], &session[1], &session[2], &session[3]];
    assert_eq!(read_all(&[a, b, c, d]).unwrap(), parts);
    for wrong in
        [vec![a, c, d], vec![a, c, b, d], vec![a, b, b, c], vec![b], vec![a, b, d], vec![d]]
    {
        assert_eq!(read_all(&wrong), Err(Error::Rejected));
    }
    let other = frames_from(&parts, &mut Counting::starting_at(1000));
    assert_eq!(read_all(&[a, b, &other[2]]), Err(Error::Rejected), "another session's frame");
    assert_eq!(read_all(&[&other[0], b]), Err(Error::Rejected), "another session's beginning");
    // a middle frame made the last, and the last made a middle one
    let mut ends = [c.clone(), d.clone()];
    ends[0][0] = 1;
    assert_eq!(read_all(&[a, b, &ends[0]]), Err(Error::Rejected));
    ends[1][0] = 0;
    assert_eq!(read_all(&[a, b, c, &ends[1]]), Err(Error::Rejected));
}

#[test]
fn a_frame_can_be_read_alone() {
    let session = frames(&[b"one", b"two", b"three"]);
    let first = SessionId::of_first(&Prefix::parse(&session[0][FRAME_HEADER_BYTES..]).unwrap());
    let other = frames_from(&[b"x", b"y"], &mut Counting::starting_at(1000));
    let foreign = SessionId::of_first(&Prefix::parse(&other[0][FRAME_HEADER_BYTES..]).unwrap());
    let key = key();
    let at = |seq, first| SessionReader::at(&key, StreamFlags::UNBOUND, seq, first);
    assert_eq!(read(&mut at(0, first), &session[0]).unwrap(), b"one");
    assert_eq!(read(&mut at(2, first), &session[2]).unwrap(), b"three");
    for (seq, id, frame) in [(1, first, 2), (2, first, 1), (2, foreign, 2), (0, first, 1)] {
        assert_eq!(read(&mut at(seq, id), &session[frame]), Err(Error::Rejected));
    }
}

#[test]
fn impossible_frames_are_malformed() {
    let frame = Err(Error::Malformed(MalformedKind::Frame));
    assert_eq!(FrameHeader::parse(&[0, 0, 0, 0]), frame);
    assert_eq!(FrameHeader::parse(&[2, 0, 0, 0, 1]), frame);
    let header = FrameHeader { last: true, stream_len: 258 };
    assert_eq!(FrameHeader::parse(&[1, 0, 0, 1, 2]), Ok(header));
    let session = frames(&[b"one"]);
    let key = key();
    let mut reader = SessionReader::new(&key, StreamFlags::UNBOUND);
    let header = FrameHeader::parse(&session[0]).unwrap();
    for len in [0, 15, 100, session[0].len() - FRAME_HEADER_BYTES - 17] {
        let stream = &session[0][FRAME_HEADER_BYTES..FRAME_HEADER_BYTES + len];
        let opened = reader.open(&Binding::default(), header, stream);
        assert!(matches!(opened, Err(Error::Malformed(_) | Error::Rejected)), "{len}");
    }
    assert_eq!(read(&mut reader, &session[0]).unwrap(), b"one", "a failure moves nothing on");
}

#[test]
fn the_wrong_caller_s_names_are_refused_before_anything_is_written() {
    let key = key();
    let mut writer = SessionWriter::new(&key, StreamFlags::UNBOUND);
    let pairs = [("seq", "0")];
    let binding = Binding { pairs: &pairs, ..Binding::default() };
    let mut out = b"before".to_vec();
    let random = &mut Counting::default();
    let refused = writer.write(&binding, &Metadata::default(), b"x", random, &mut out);
    assert_eq!(refused, Err(MisuseKind::ReservedName.into()));
    assert_eq!(out, b"before");
}

proptest! {
    #[test]
    fn arithmetic_holds_for_every_length(content in 0u64..1 << 52) {
        let sealed = sealed_body_len(content);
        let layout = BodyLayout::of_sealed(sealed).unwrap();
        prop_assert_eq!(layout.content, content);
        let last = layout.chunks - 1;
        prop_assert_eq!(chunk_offset(last) + layout.sealed_of(last), sealed);
        prop_assert!(layout.content_of(last) < 16_384);
    }

    #[test]
    fn any_single_change_is_refused(
        len in 0usize..40_000, at in any::<prop::sample::Index>(), bit in 0u8..8,
    ) {
        let (text, mut stream) = (content(len), Vec::new());
        start(&mut stream).seal_all(&text, &mut stream).unwrap();
        prop_assert_eq!(&open_blocks(&stream, 2).unwrap(), &text);
        let at = at.index(stream.len());
        stream[at] ^= 1 << bit;
        let opened = Prefix::parse(&stream).and_then(|prefix| {
            let body = &stream[prefix.byte_len()..];
            let layout = BodyLayout::of_sealed(body.len() as u64)?;
            let (_, opener) = key().open(StreamFlags::UNBOUND, &whole(), &prefix)?;
            let mut block = Block::with_chunks(usize::try_from(layout.chunks).unwrap());
            block.sealed_room(body.len()).copy_from_slice(body);
            opener.open(0, &mut block).map_err(|_| Error::Rejected)
        });
        prop_assert!(opened.is_err());
    }
}
