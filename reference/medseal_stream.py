"""Reference for streams, version 1 (format byte 02): writer and reader.

The reader leaves the body to Cobblestone-256 of the `cryptography` package, which shares no code with the writer here.
"""
import hmac
import json

from cryptography.cobblestone import Cobblestone256Decryptor
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from hashlib import sha256

from medseal_reference import (
    RECORD, SUBJECT, Refused, decrypt, derive_k_field, encode_context, kdf, lp, lp_text, require, u32,
)

LABEL, CHUNK, TAG = b"medseal/v1/stream", 16384, 16
CONSTRUCTION = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0"
MEMBERS = ("name", "kind", "size", "dtype", "byte_order", "shape", "order")
WORDS = {
    "dtype": "bool i8 i16 i32 i64 u8 u16 u32 u64 f16 f32 f64 c64 c128 opaque".split(),
    "byte_order": ["little", "big", "none"], "order": ["c", "f"],
}
RESERVED = {"final", "part", "seq", "session"}


def derive_k_stream(r):
    require(r["tenant"] == r["context"].get("tenant"), "rejected")
    own = lp_text(r["subject"]) + bytes.fromhex(r["s32"]) if r["flags"] & SUBJECT else b""
    label = b"medseal/v1/dek-subject" if own else b"medseal/v1/dek-tenant"
    dek = kdf(bytes.fromhex(r["kek"]), label, bytes.fromhex(r["kvid"]) + lp_text(r["tenant"]) + own)
    return kdf(dek, b"medseal/v1/k-stream", lp_text(r["collection"]) + lp_text(r["field"]))


def frame_pairs(frame):
    """`frame` is None or (seq, final, salt of frame 0 or None)."""
    if frame is None:
        return []
    seq, final, session = frame
    return [["final", str(int(final))], ["seq", str(seq)]] + ([["session", session.hex()]] if session else [])


def bound(context, extra):
    pairs = [list(pair) for pair in context.get("pairs") or []]
    require(not RESERVED & {name for name, _ in pairs}, "misuse")
    encode_context(dict(context, pairs=pairs))  # the caller's own pairs must be in order before ours join
    return dict(context, pairs=sorted(pairs + extra))


def header(flags, kvid, suite=0x11, form=2):
    return bytes([0xF8, form, suite, flags]) + kvid


def message_keys(k_stream, head, metadata, salt, ctx):
    input_key = kdf(k_stream, LABEL, head)
    context = LABEL + b"\0" + head + sha256(metadata).digest() + ctx
    okm = HKDFExpand(hashes.SHA512(), 76, CONSTRUCTION + salt + context).derive(input_key)
    return input_key, context, okm


def chunks(content):
    return [content[at:at + CHUNK] for at in range(0, len(content) + 1, CHUNK)]


def seal_body(okm, salt, pieces, first=0):
    base = int.from_bytes(okm[32:44], "big")
    sealed = (AESGCM(okm[:32]).encrypt((base ^ n).to_bytes(12, "big"), piece, b"") for n, piece in enumerate(pieces, first))
    return salt + okm[44:] + b"".join(sealed)


def seal_stream(k_stream, head, metadata, salt, ctx, content):
    """Stream bytes; `metadata` is its envelope."""
    _, _, okm = message_keys(k_stream, head, metadata, salt, ctx)
    return head + lp(metadata) + seal_body(okm, salt, chunks(content))


def check_metadata(text):
    try:
        members = json.loads(text, object_pairs_hook=lambda pairs: pairs)
        names = [name for name, _ in members]
        found = dict(members)
    except (ValueError, TypeError):
        raise Refused("rejected") from None
    require(names == [name for name in MEMBERS if name in found], "rejected")
    require(json.dumps(found, separators=(",", ":"), ensure_ascii=False).encode() == text, "rejected")
    for name, words in WORDS.items():
        require(name not in found or found[name] in words, "rejected")
    name, size, shape = found.get("name", "x"), found.get("size", 0), found.get("shape", [])
    require(isinstance(name, str) and 1 <= len(name.encode()) <= 255 and not set("/\0") & set(name), "rejected")
    require(name not in (".", ".."), "rejected")
    kind = found.get("kind", "x")
    require(isinstance(kind, str) and 1 <= len(kind) <= 32 and all(c.isascii() and (c.islower() or c.isdigit() or c == "-") for c in kind), "rejected")
    require(isinstance(shape, list) and len(shape) <= 64, "rejected")
    require(all(type(n) is int and 0 <= n < 1 << 52 for n in [size, *shape]), "rejected")
    return found


def open_stream(r, stream, frame=None):
    """(metadata text, content). `r` is a request of the field reference: keys, context, required flags, kvid."""
    context, flags = bound(r["context"], frame_pairs(frame)), r["flags"]
    encode_context(context)
    head, length = stream[:12], int.from_bytes(stream[12:16], "big")
    require(len(stream) >= 16 and head[:3] == b"\xf8\x02\x11" and not head[3] & ~(RECORD | SUBJECT), "malformed")
    require(87 <= length <= 65536 and len(stream) >= 16 + length + 56, "malformed")
    metadata, body = stream[16:16 + length], stream[16 + length:]
    require(metadata[:2] == b"\xf8\x01" and metadata[2] in (1, 3) and metadata[3] < 12, "malformed")
    require(length >= (101 if metadata[3] & 4 else 85) and (len(body) - 56) % (CHUNK + TAG) >= TAG, "malformed")
    given = RECORD * (context.get("record") is not None) | SUBJECT * (context.get("subject") is not None)
    require(head[3] == flags == given and head[4:] == bytes.fromhex(r["kvid"]), "rejected")
    input_key, ctx, okm = message_keys(derive_k_stream(r), head, metadata, body[:24], encode_context(context))
    require(hmac.compare_digest(okm[44:], body[24:56]), "rejected")
    described = bound(r["context"], frame_pairs(frame) + [["part", "meta"]])
    kind, text = decrypt(derive_k_field(r), metadata, described, 1, flags, head[4:])
    require(kind == 9, "rejected")
    found = check_metadata(text)
    decryptor = Cobblestone256Decryptor(input_key, ctx)
    try:
        content = decryptor.update(body) + decryptor.finalize()
    except Exception:  # the library has one exception for a tag and another for a length
        raise Refused("rejected") from None
    require(found.get("size", len(content)) == len(content), "rejected")
    return text, content


def split_session(session):
    """(final, stream) of each frame."""
    frames = []
    while session:
        final, length = session[0], int.from_bytes(session[1:5], "big")
        require(final < 2 and len(session) >= 5 + length and not (frames and frames[-1][0]), "malformed")
        frames.append((final, session[5:5 + length]))
        session = session[5 + length:]
    require(frames and frames[-1][0], "malformed")
    return frames


def open_session(r, session):
    frames = split_session(session)
    first = frames[0][1]
    at = 16 + int.from_bytes(first[12:16], "big")
    return [open_stream(r, stream, (seq, final, first[at:at + 24] if seq else None)) for seq, (final, stream) in enumerate(frames)]


def frame(final, stream):
    return bytes([final]) + u32(len(stream)) + stream
