"""All scenarios of vectors/stream/: streams and sessions. Each refused stream would open if one rule were left out."""
from dataclasses import dataclass, field, replace

from medseal_reference import Refused, lp, u32
from medseal_stream import (
    CHUNK, TAG, chunks, derive_k_stream, frame_pairs, header, message_keys, open_stream, seal_body,
)
from medseal_writer import header as field_header, seal
from scenario import KVID, PLACE, RECORD_ID, S32, TAGS, Case, fixed_bytes, raw, unchecked_ctx
from scenarios_field import merged
from vector_file import flipped, hex_body, pair_line, render, text_line

HELLO = '{"name":"ecg.txt","kind":"unknown","size":5}'
SESSION = fixed_bytes("a session", 24)


def pattern(n):
    """Content that differs from chunk to chunk."""
    return bytes((i ^ i >> 8) & 255 for i in range(n))


@dataclass(frozen=True)
class Stream:
    case: Case = field(default_factory=Case)
    metadata: str = HELLO
    content: bytes = b"hello"
    frame: tuple | None = None
    # what a writer without rules may do
    head: bytes | None = None
    reserved: tuple = ()
    metadata_pairs: tuple = (("part", "meta"),)
    metadata_kind: int = 9
    metadata_head: bytes | None = None

    def but(self, **changes):
        return replace(self, **changes)

    def at(self, **changes):
        return self.but(case=self.case.at(**changes))

    def flags(self):
        return self.case.header_flags()

    def request(self):
        case, context = self.case, self.case.context
        return dict(context, context=dict(context, pairs=[list(p) for p in case.all_pairs()]), kek=case.kek.hex(),
                    kvid=case.kvid.hex(), s32=case.s32.hex(), flags=self.flags())

    def ctx(self, more=()):
        return unchecked_ctx(self.case.context, sorted([*self.case.pairs, *map(tuple, frame_pairs(self.frame)), *self.reserved, *more]))

    def salts(self, name):
        return fixed_bytes("metadata salt " + name, 12), fixed_bytes("metadata nonce " + name, 12), fixed_bytes("stream salt " + name, 24)

    def metadata_envelope(self, name):
        head = self.metadata_head or field_header(1, self.flags(), self.case.kvid)
        salt, nonce, _ = self.salts(name)
        return seal(self.case.key(), head, b"", salt, nonce, self.ctx(self.metadata_pairs), bytes([self.metadata_kind]) + raw(self.metadata))

    def keys(self, name, envelope=None):
        head = self.head or header(self.flags(), self.case.kvid)
        envelope = envelope or self.metadata_envelope(name)
        return head, envelope, message_keys(derive_k_stream(self.request()), head, envelope, self.salts(name)[2], self.ctx())[2]

    def sealed(self, name, envelope=None, pieces=None):
        head, envelope, okm = self.keys(name, envelope)
        pieces = chunks(self.content) if pieces is None else pieces
        return head + lp(envelope) + seal_body(okm, self.salts(name)[2], pieces)

    def lines(self):
        yield f"key-version-id: {self.case.kvid.hex()}"
        yield f"kek: {self.case.kek.hex()}"
        if self.flags() & 8:
            yield f"subject-secret: {self.case.s32.hex()}"
        if self.case.key_tenant:
            yield f"key-tenant: {self.case.key_tenant}"
        yield f"required-flags: {self.flags():02x}"
        for name in TAGS:
            if name in self.case.context:
                yield text_line(name.replace("_", "-"), raw(self.case.context[name]))
        for name, value in [*self.case.pairs, *self.reserved]:
            yield pair_line(name, raw(value))
        if self.frame:
            seq, final, session = self.frame
            yield f"frame-seq: {seq}"
            yield f"frame-final: {int(final)}"
            if session:
                yield f"frame-session: {session.hex()}"


HERE = Stream()
UNBOUND = Stream(case=Case(context=dict(PLACE, collection="files", field="content")))
SUBJECT = HERE.at(subject="pat-1")
PAIRS = HERE.but(case=Case(pairs=(("app", "ward-2"), ("site.room", "0-17"))))
THREE = UNBOUND.but(content=pattern(2 * CHUNK + 300), metadata='{"kind":"edf","size":33068}')
FIRST = HERE.but(frame=(0, False, None))
LATER = HERE.but(frame=(7, False, SESSION))
LAST = HERE.but(frame=(8, True, SESSION))


def vector(expect, name, comment, opener, body, more=()):
    head = ["spec: stream/v1", f"scenario: {name}", f"expect: {expect}", f"comment: {comment}"]
    return {name: render([*head, *opener.lines(), *more], hex_body(body))}


def accept(name, comment, stream):
    name = "accept-" + name
    salts = zip(("metadata-salt", "metadata-nonce", "salt"), stream.salts(name))
    more = [f"{key}: {value.hex()}" for key, value in salts] + [text_line("metadata", raw(stream.metadata))]
    n = len(stream.content)
    more += [f"plaintext-pattern: {n}"] if n > 64 else [f"plaintext: {stream.content.hex()}".rstrip()]
    return vector("success", name, comment, stream, stream.sealed(name), more)


def refused(expect, name, comment, written, opener=None, more=()):
    name = f"{expect}-{name}"
    body = written.sealed(name) if isinstance(written, Stream) else written
    return vector(expect, name, comment, opener or HERE, body, more)


def reject(*arguments, **more):
    return refused("rejected", *arguments, **more)


def malformed(*arguments, **more):
    return refused("malformed", *arguments, **more)


def misuse(name, comment, written):
    return refused("misuse", name, comment, written, written)


def accepted():
    full = '{"name":"a\\"\\\\\\n\\u001fÅ.npy","kind":"npy","size":0,"dtype":"f32","byte_order":"little","shape":[32,1000,0],"order":"c"}'
    yield accept("worked-example", "the worked example of the specification", SUBJECT)
    yield accept("record", "bound to a record", HERE)
    yield accept("no-record", "bound to tenant, collection and field", UNBOUND)
    yield accept("subject-only", "a subject without a record", SUBJECT.at(record=None))
    yield accept("pairs", "two pairs of the caller", PAIRS)
    yield accept("row-version", "context tag 6", HERE.at(row_version="42"))
    yield accept("empty", "no content: one empty chunk", HERE.but(content=b"", metadata="{}"))
    yield accept("metadata-full", "every member, and every kind of escape", HERE.but(content=b"", metadata=full))
    yield accept("metadata-scalar", "an array without dimensions", HERE.but(metadata='{"dtype":"u8","byte_order":"none","shape":[],"order":"f"}'))
    yield accept("one-chunk-less-one", "the longest last chunk", UNBOUND.but(content=pattern(CHUNK - 1), metadata="{}"))
    yield accept("one-chunk", "a full chunk is followed by an empty one", UNBOUND.but(content=pattern(CHUNK), metadata="{}"))
    yield accept("three-chunks", "two full chunks and a short one", THREE)
    yield accept("frame-first", "frame 0 of a session", FIRST)
    yield accept("frame-later", "a frame in the middle", LATER)
    yield accept("frame-last", "the last frame", LAST)
    yield accept("frame-only", "a session of one frame", HERE.but(frame=(0, True, None)))
    yield accept("frame-pairs", "pairs of the caller around those of the frame", LATER.but(case=Case(pairs=(("a", "1"), ("partly", "2"), ("z", "3")))))


def elsewhere():
    yield reject("wrong-tenant", "sealed for clinic-7", HERE, HERE.at(tenant="clinic-8"))
    foreign = HERE.at(tenant="clinic-8")
    yield reject("key-of-another-tenant", "a key belongs to one tenant", HERE, foreign.but(case=foreign.case.but(key_tenant="clinic-7")))
    yield reject("wrong-collection", "sealed for patient", HERE, HERE.at(collection="person"))
    yield reject("wrong-field", "sealed for name.family", HERE, HERE.at(field="name.given"))
    yield reject("wrong-record", "another patient's stream", HERE, HERE.at(record=RECORD_ID[:-1] + "c"))
    yield reject("wrong-subject", "sealed for pat-1", SUBJECT, SUBJECT.at(subject="pat-2"))
    yield reject("wrong-row-version", "sealed for version 42", HERE.at(row_version="42"), HERE.at(row_version="43"))
    yield reject("row-version-left-out", "sealed with a row version", HERE.at(row_version="42"), HERE)
    yield reject("pair-left-out", "sealed with two pairs", PAIRS, HERE)
    yield reject("pair-added", "sealed without pairs", HERE, PAIRS)
    yield reject("unbound-for-record", "a stream without a record where one is demanded", HERE.at(record=None), HERE)
    yield reject("record-for-unbound", "flags must be equal, not only sufficient", HERE, HERE.at(record=None))
    yield reject("tenant-for-subject", "a stream without a subject where one is demanded", HERE, SUBJECT)


def other_keys():
    yield reject("wrong-kek", "sealed under another KEK with this id", HERE, HERE.but(case=Case(kek=bytes(31) + b"\1")))
    yield reject("wrong-key-version-id", "the header names another version", HERE, HERE.but(case=Case(kvid=KVID[::-1])))
    yield reject("wrong-subject-secret", "an erased and re-created subject", SUBJECT, SUBJECT.but(case=SUBJECT.case.but(s32=S32[:31] + b"\0")))


def headers():
    plain = HERE.sealed("header")
    yield malformed("magic", "every other magic byte", plain, more=["each: set-byte", "bytes: 0", "values: 0-247 249-255"])
    yield malformed("format", "every other format byte", plain, more=["each: set-byte", "bytes: 1", "values: 0-1 3-255"])
    yield malformed("suite", "every other suite byte, the reserved 12 included", plain, more=["each: set-byte", "bytes: 2", "values: 0-16 18-255"])
    yield malformed("suite-12", "reserved suite, otherwise sealed correctly", HERE.but(head=header(2, KVID, suite=0x12)))
    for bit in (0, 2, 5, 6, 7):
        yield malformed(f"flag-b{bit}", "reserved flag, otherwise sealed correctly", HERE.but(head=header(2 | 1 << bit, KVID)))
    yield malformed("flag-b4", "recipients are for a later version", HERE.but(head=header(0x12, KVID)))
    for name, length in (("0", 0), ("86", 86), ("65537", 65537), ("2-32-less-1", (1 << 32) - 1)):
        body = plain[:12] + u32(length) + plain[16:] + bytes(70000 if length == 65537 else 0)
        yield malformed("metadata-length-" + name, "a length outside its limits", body)


def read_alone(stream, body):
    """The class of one changed body, by the Python reader."""
    try:
        open_stream(dict(stream.request(), **{"subject": stream.case.context.get("subject")}), body, stream.frame)
    except Refused as refused:
        return str(refused)
    raise AssertionError("it opens")


def altered():
    body = HERE.sealed("bits")
    m = int.from_bytes(body[12:16], "big")
    flips = [
        ("magic-format-suite", malformed, "0-2", "0-7"), ("flags", malformed, "3", "0 2 4-7"), ("flags", reject, "3", "1 3"),
        ("key-id", reject, "4-11", "0-7"), ("metadata-length", malformed, "12-13", "0-7"),
        ("metadata-magic-and-format", malformed, "16-17", "0-7"), ("metadata", reject, f"20-{15 + m}", "0-7"),
        ("salt-to-end", reject, f"{16 + m}-{len(body) - 1}", "0-7"),
    ]
    for part, expect, at, bits in flips:
        yield expect(f"bit-{part}", f"each bit of {part.replace('-', ' ')}", body, more=["each: flip-bit", f"bytes: {at}", f"bits: {bits}"])
    for bit in range(8):
        changed = flipped(body, 15, bit)
        yield refused(read_alone(HERE, changed), f"metadata-length-bit-{bit}", "another boundary between metadata and body", changed)


def lengths():
    body = HERE.sealed("truncate")
    shortest = 72 + int.from_bytes(body[12:16], "big") + TAG
    yield malformed("truncated", "every length below an empty stream", body, more=["each: truncate", f"lengths: 0-{shortest - 1}"])
    yield reject("truncated", "every other length", body, more=["each: truncate", f"lengths: {shortest}-{len(body) - 1}"])
    yield reject("trailing-byte", "one more byte", body, more=["each: append", "values: 0-255"])
    full = UNBOUND.but(content=pattern(CHUNK - 1), metadata="{}")
    yield malformed("trailing-byte-full-chunk", "one more byte makes the last chunk a full one: no stream ends so", full.sealed("full"), full,
                    more=["each: append", "values: 0 255"])
    small = HERE.but(content=b"", metadata="{}")
    yield reject("extra-empty-chunk", "an empty chunk behind the empty last one", small.sealed("extra", pieces=[b"", b""]), small)
    yield reject("extra-chunk", "a short chunk behind a short one", HERE.sealed("extra", pieces=[b"hel", b"lo"]), HERE)
    two = UNBOUND.but(content=pattern(CHUNK), metadata="{}")
    yield malformed("final-chunk-full", "the last chunk has full size and no empty one follows", two.sealed("full-last", pieces=[pattern(CHUNK)]), two)
    yield malformed("no-chunk", "nothing behind the commitment", HERE.sealed("none", pieces=[]))


def chunk_changes():
    """On the body of accept-three-chunks, which these files do not repeat."""
    name = "accept-three-chunks"
    body, m = THREE.sealed(name), len(THREE.metadata_envelope(name))
    start, step = 72 + m, CHUNK + TAG
    ends = [start + step, start + 2 * step]
    of = [f"body-of: {name}"]

    def change(expect, scenario, comment, *more):
        return vector(expect, f"{expect}-{scenario}", comment, THREE, b"", [*of, *more])

    yield change("malformed", "truncated-at-chunk", "a cut at the end of a full chunk, and up to 15 bytes behind it", "each: truncate",
                 "lengths: " + " ".join(f"{end}-{end + 15}" for end in ends))
    inside = [end + n for end in ends for n in (16, 17, 300)] + [start + 16, start + 8000, len(body) - 1]
    yield change("rejected", "truncated-in-chunk", "a cut inside a chunk", "each: truncate", "lengths: " + " ".join(map(str, sorted(inside))))
    yield change("rejected", "swapped-chunks", "two full chunks in the other order", "each: swap-chunks", "chunks: 0 1", f"chunks-from: {start}")
    yield change("rejected", "repeated-chunk", "a chunk twice", "each: repeat-chunk", "chunks: 0-2", f"chunks-from: {start}")
    yield change("rejected", "dropped-chunk", "a full chunk is missing", "each: drop-chunk", "chunks: 0 1", f"chunks-from: {start}")
    spots = [start, start + CHUNK - 1, start + CHUNK, start + step, start + step + 9000, start + 2 * step, len(body) - 1]
    yield change("rejected", "bit-in-chunk", "a bit in each chunk and tag", "each: flip-bit", "bytes: " + " ".join(map(str, spots)), "bits: 0 7")


def mixed():
    one, two = HERE.sealed("one"), HERE.sealed("two")
    m = int.from_bytes(one[12:16], "big")
    assert two[12:16] == one[12:16]
    parts = (("metadata", 16, 16 + m), ("salt", 16 + m, 40 + m), ("commitment", 40 + m, 72 + m), ("chunks", 72 + m, len(one)))
    for part, start, end in parts:
        yield reject(f"foreign-{part}", f"the {part} of another stream of the same place", one[:start] + two[start:end] + one[end:])
    yield reject("commitment-zero", "no commitment, the rest intact", one[:40 + m] + bytes(32) + one[72 + m:])
    long = UNBOUND.but(content=pattern(CHUNK + 5), metadata="{}")
    head, envelope, okm = long.keys("wrong-number")
    salt = long.salts("wrong-number")[2]
    body = head + lp(envelope) + seal_body(okm, salt, chunks(long.content), first=1)
    yield reject("chunks-numbered-from-1", "the first chunk has number 0", body, long)


def metadata():
    texts = [
        ("unknown-member", '{"name":"a","owner":"b"}', "members are fixed"), ("repeated-member", '{"size":5,"size":5}', "no member twice"),
        ("other-order", '{"size":5,"name":"a"}', "members have an order"), ("white-space", '{"size": 5}', "no white space"),
        ("null", '{"name":null}', "an absent member is absent"), ("size-exponent", '{"size":5e0}', "shortest decimal"),
        ("size-negative", '{"size":-5}', "not below 0"), ("size-2-52", '{"size":4503599627370496}', "below 2^52"),
        ("size-text", '{"size":"5"}', "a number"), ("other-escape", '{"name":"\\u0061"}', "one spelling of each character"),
        ("escaped-slash", '{"kind":"a\\/b"}', "no slash"), ("name-with-slash", '{"name":"a/b"}', "no folder"), ("name-empty", '{"name":""}', "1 to 255 bytes"),
        ("name-dots", '{"name":".."}', "no folder"), ("name-nul", '{"name":"a\\u0000"}', "no NUL"), ("name-256", '{"name":"%s"}' % ("n" * 256), "1 to 255 bytes"),
        ("kind-upper-case", '{"kind":"EDF"}', "a-z, 0-9 and -"), ("kind-33", '{"kind":"%s"}' % ("k" * 33), "1 to 32 characters"),
        ("dtype-unknown", '{"dtype":"f31"}', "no such type"), ("order-unknown", '{"order":"k"}', "c or f"), ("byte-order-unknown", '{"byte_order":"pdp"}', "no such order"),
        ("shape-65", '{"shape":[%s]}' % ",".join(["1"] * 65), "at most 64 numbers"), ("shape-negative", '{"shape":[-1]}', "not below 0"),
        ("array", "[]    ", "an object"), ("not-json", "{{}}  ", "not JSON"), ("trailing", '{"size":5} ', "nothing behind it"),
        ("other-size", '{"size":6}', "the content has 5 bytes"),
    ]
    for name, text, comment in texts:
        yield reject("metadata-" + name, comment, HERE.but(metadata=text), HERE)
    yield reject("metadata-type-1", "JSON text is type 9", HERE.but(metadata_kind=1), HERE)
    yield reject("metadata-of-a-value", "no pair part=meta: a value of the field is no metadata", HERE.but(metadata_pairs=()), HERE)
    yield reject("metadata-other-flags", "the flags of metadata are the stream's", HERE.but(metadata_head=field_header(1, 0, KVID)), HERE)
    yield reject("metadata-other-key-id", "the key version of metadata is the stream's", HERE.but(metadata_head=field_header(1, 2, KVID[::-1])), HERE)
    yield reject("metadata-suite-03", "the suite of metadata is 01", HERE.but(metadata_head=field_header(3, 2, KVID)), HERE)
    yield malformed("metadata-no-envelope", "the metadata is not encrypted at all", HERE.sealed("plain", envelope=HELLO.encode() * 2), HERE)


def frames():
    yield reject("frame-other-seq", "frame 7 where 6 is expected", LATER, LATER.but(frame=(6, False, SESSION)))
    yield reject("frame-later-as-last", "a frame in the middle taken for the end", LATER, LATER.but(frame=(7, True, SESSION)))
    yield reject("frame-last-as-later", "the last frame taken for one in the middle", LAST, LAST.but(frame=(8, False, SESSION)))
    yield reject("frame-of-another-session", "the same place and number", LATER, LATER.but(frame=(7, False, fixed_bytes("another session", 24))))
    yield reject("frame-without-session", "only frame 0 has none", LATER, LATER.but(frame=(7, False, None)))
    yield reject("frame-as-stream", "a frame is no stream of its own", FIRST, HERE)
    yield reject("stream-as-frame", "a stream is no frame", HERE, FIRST)


def misused():
    for name in ("final", "part", "seq", "session"):
        yield misuse("pair-" + name, "the name belongs to streams", HERE.but(reserved=((name, "1"),)))
    yield misuse("record-empty", "values have 1 to 1024 bytes", HERE.at(record=b""))
    yield misuse("pairs-descending", "names strictly ascending", HERE.but(case=Case(pairs=(("b", "1"), ("a", "2")))))


def stream_files():
    groups = (accepted, elsewhere, other_keys, headers, altered, lengths, chunk_changes, mixed, metadata, frames, misused)
    return merged(scenario for group in groups for scenario in group())
