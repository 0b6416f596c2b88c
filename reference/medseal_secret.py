"""Reference for stored secrets (format byte 04): KEKs, subject secrets and whatever else a store holds wrapped.

The layout and the message label are those of the field envelope. Different are the header, which the derivation
binds (so a stored secret can never be taken for a field, even under equal keys), and the context tags. The plaintext
is always of type bytes, and the suite is always 01.
"""
import hmac
import re

from cryptography.exceptions import InvalidTag

from medseal_reference import SUITES, Refused, kdf, lp, lp_text, require, u32
from medseal_writer import seal

LABEL = b"medseal/v1/field"
SUITE = 1
TYPE_BYTES = b"\x02"
SHORTEST = 12 + 12 + 12 + 32 + 1 + 16  # the type byte at least
UUID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def wrap_key(kwk, month, epoch_key=b""):
    """W. `month` is the number YYYYMM, or 0 for what no epoch key protects."""
    require(is_month(month) and len(epoch_key) == (32 if month else 0), "misuse")
    return kdf(kwk, b"medseal/v1/wrap-key", u32(month) + epoch_key)


def row_mac_key(kwk, store_id):
    return kdf(kwk, b"medseal/v1/row-mac", lp_store_id(store_id))


def lp_store_id(text):
    """The 36 characters of a UUID, as the store shows it."""
    require(UUID.fullmatch(text), "misuse")
    return lp_text(text)


def encode_primary_key(columns):
    """The key's columns as text, each length-prefixed."""
    return b"".join(lp_text(column) for column in columns)


def is_month(number):
    return number == 0 or (1 <= number // 100 <= 9999 and 1 <= number % 100 <= 12)


def secret_header(suite, kwk_version, month):
    return bytes([0xF8, 0x04, suite, 0]) + u32(kwk_version) + u32(month)


def encode_secret_context(c):
    require(0 <= c["version"] < 1 << 64, "misuse")
    values = [lp_store_id(c["store_id"]), lp_text(c["table"]), lp(encode_primary_key(c["primary_key"])),
              lp(c["version"].to_bytes(8, "big")), lp_text(c["purpose"])]
    return bytes([len(values)]) + b"".join(bytes([tag]) + value for tag, value in enumerate(values, 0x10))


def seal_secret(w, kwk_version, month, context, secret, salt, nonce):
    head = secret_header(SUITE, kwk_version, month)
    return seal(w, head, b"", salt, nonce, encode_secret_context(context), TYPE_BYTES + secret, LABEL)


def open_secret(w, kwk_version, month, context, envelope):
    ctx, head = encode_secret_context(context), envelope[:12]
    require(len(envelope) >= SHORTEST and head[:2] == b"\xf8\x04", "malformed")
    require(head[2] in SUITES and head[3] == 0 and is_month(int.from_bytes(head[8:12], "big")), "malformed")
    require(head == secret_header(SUITE, kwk_version, month), "rejected")
    okm = kdf(w, LABEL, envelope[:24] + ctx, 64)
    require(hmac.compare_digest(okm[:32], envelope[36:68]), "rejected")
    try:
        opened = SUITES[SUITE](okm[32:]).decrypt(envelope[24:36], envelope[68:], head)
    except InvalidTag:
        raise Refused("rejected") from None
    require(opened[:1] == TYPE_BYTES, "rejected")
    return opened[1:]
