"""Reference writer of the Medseal field envelope, version 1.

`encrypt` writes only what the decryptor opens; `seal` takes every byte as given, so that the vector generator
can also make envelopes that must not open. As a command it reads one JSON request per line and answers with
one: `{"op":"encrypt", …}` takes the keys and the context of a decrypt request, `suite`, `value_type`,
`value_hex`, optionally `padded` and `token` (hex), and for vectors `salt` and `nonce` (hex, else random).
"""
import os

from medseal_reference import (
    PADDED, RECORD, SUBJECT, SUITES, TOKEN,
    bucket, check_value, derive_k_field, encode_context, kdf, lp, require, serve, to_text,
)


def seal(key, head, token, salt, nonce, ctx, inner, label=b"medseal/v1/field", suite=None):
    """Envelope bytes. `suite` names the cipher where the header's own byte must not (unknown suites)."""
    okm = kdf(key, label, head + token + salt + ctx, 64)
    cipher = SUITES[suite or head[2]](okm[32:])
    return head + token + salt + nonce + okm[:32] + cipher.encrypt(nonce, inner, head + token)


def pad(inner):
    padded = inner[:1] + lp(inner[1:])
    return padded.ljust(bucket(len(padded)), b"\0")


def header(suite, flags, kvid):
    return bytes([0xF8, 0x01, suite, flags]) + kvid


def encrypt(key, kvid, context, suite, kind, value, padded=False, token=b"", salt=None, nonce=None):
    """The flags follow from what is given, so that flags and context cannot disagree."""
    flags = PADDED * bool(padded) | TOKEN * bool(token)
    flags |= RECORD * (context.get("record") is not None) | SUBJECT * (context.get("subject") is not None)
    require(suite in SUITES and flags < TOKEN | SUBJECT and len(kvid) == 8, "misuse")
    check_value(kind, value, "misuse")
    salt, nonce = salt or os.urandom(12), nonce or os.urandom(12)  # two draws: the 2⁸⁰ bound needs both independent
    require(len(salt) == len(nonce) == 12 and len(token) in (0, 16), "misuse")
    inner = bytes([kind]) + value
    inner = pad(inner) if padded else inner
    return seal(key, header(suite, flags, kvid), token, salt, nonce, encode_context(context), inner)


def answer_encrypt(r):
    request = dict(r, flags=SUBJECT * (r["context"].get("subject") is not None))
    given = {name: bytes.fromhex(r[name]) for name in ("token", "salt", "nonce") if name in r}
    envelope = encrypt(derive_k_field(request), bytes.fromhex(r["kvid"]), r["context"], r["suite"],
                       r["value_type"], bytes.fromhex(r["value_hex"]), r.get("padded", False), **given)
    return {"envelope": envelope.hex(), "text": to_text(envelope)}


if __name__ == "__main__":
    serve("encrypt", answer_encrypt)
