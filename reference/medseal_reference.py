"""Reference decryptor of the Medseal field envelope, version 1; as a command, JSON lines in and out. It refuses with
`misuse`: no such context can exist; `malformed`: no envelope of this version; `rejected`: does not open here."""
import base64, datetime, hmac, json, re, sys
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
PADDED, RECORD, TOKEN, SUBJECT, BINDING = 1, 2, 4, 8, 2 | 8
SUITES, NAME = {0x01: AESGCM, 0x03: ChaCha20Poly1305}, re.compile("[a-z0-9._-]{1,64}")
ANY, DATE, HOUR_MINUTE = rb"(?s:.*)", rb"(\d{4}-\d\d-\d\d)", rb"([01]\d|2[0-3]):[0-5]\d"
VALUES = {1: ANY, 2: ANY, 3: rb"0|-?[1-9]\d*", 4: rb"-?\d+(\.\d+)?", 5: rb"[\0\1]", 6: DATE, 8: rb"(?s:.{16})", 9: ANY,
          7: DATE + b"T" + HOUR_MINUTE + rb":([0-5]\d|60)(\.\d+)?(Z|[+-]" + HOUR_MINUTE + b")"}
class Refused(Exception): """Its text is the class of failure."""
def require(condition, failure):
    if not condition: raise Refused(failure)
def u32(n): return n.to_bytes(4, "big")
def lp(x): return u32(len(x)) + x
def kdf(key, label, ctx, n=32):  # SP 800-108r1, counter mode, HMAC-SHA-256
    require(len(key) == 32, "misuse")  # HMAC equates K and K‖00: a free key length would make two keys one
    fixed = label + b"\0" + ctx + u32(8 * n)
    return b"".join(hmac.digest(key, u32(i) + fixed, "sha256") for i in range(1, 1 + -(-n // 32)))[:n]
def lp_text(text):
    raw = text.encode(errors="ignore") if isinstance(text, str) else b""
    require(1 <= len(raw) <= 1024 and raw.decode() == text, "misuse")
    return lp(raw)
def derive_k_field(r):
    if "k_field" in r: return bytes.fromhex(r["k_field"])
    require(r["tenant"] == r["context"].get("tenant"), "rejected")  # a key belongs to one tenant
    own = lp_text(r["subject"]) + bytes.fromhex(r["s32"]) if r["flags"] & SUBJECT else b""
    label = b"medseal/v1/dek-subject" if own else b"medseal/v1/dek-tenant"
    dek = kdf(bytes.fromhex(r["kek"]), label, bytes.fromhex(r["kvid"]) + lp_text(r["tenant"]) + own)
    return kdf(dek, b"medseal/v1/k-field", lp_text(r["collection"]) + lp_text(r["field"]))
def encode_context(c):
    tags = enumerate(("tenant", "collection", "field", "record", "subject", "row_version"), 1)
    entries = [bytes([tag]) + lp_text(c.get(name)) for tag, name in tags if tag <= 3 or c.get(name) is not None]
    pairs = sorted(c["pairs"].items()) if isinstance(c.get("pairs"), dict) else c.get("pairs") or []
    names = [name for name, _ in pairs]  # a list is taken in its order; a JSON object has none
    require(names == sorted(set(names)) and len(names) < 1 << 16 and all(map(NAME.fullmatch, names)), "misuse")
    listed = len(pairs).to_bytes(2, "big") + b"".join(lp(name.encode()) + lp_text(value) for name, value in pairs)
    entries += [b"\x80" + lp(listed)] if pairs else []
    return bytes([len(entries)]) + b"".join(entries)
def to_text(envelope): return "ms1:" + base64.urlsafe_b64encode(envelope).decode().rstrip("=")
def from_text(text):
    require(re.fullmatch("ms1:[A-Za-z0-9_-]*", text) and len(text) % 4 != 1, "malformed")
    envelope = base64.urlsafe_b64decode(text[4:] + "=" * (-len(text) % 4))
    require(text == to_text(envelope), "malformed")  # Python's decoder ignores trailing bits
    return envelope
def bucket(n): return -(-n // 4096) * 4096 if n > 4096 else max(32, 1 << (n - 1).bit_length())
def unpad(inner):
    end = 5 + int.from_bytes(inner[1:5], "big")
    require(len(inner) == bucket(end) and not any(inner[end:]), "rejected")
    return inner[:1] + inner[5:end]
def check_value(kind, value, failure="rejected"):
    require(match := re.fullmatch(VALUES.get(kind, b"(?!)"), value), failure)
    try: (kind in (1, 9) and value.decode(), kind in (6, 7) and datetime.date.fromisoformat(match[1].decode()))
    except ValueError: raise Refused(failure) from None  # not UTF-8, or a date that the calendar does not have
def decrypt(key, envelope, context, suite, flags, kvid=b""):  # kvid empty: the caller has found the key by it
    ctx, head = encode_context(context), envelope[:12]
    require(len(head) == 12 and head[:2] == b"\xf8\x01" and head[2] in SUITES and head[3] < 12, "malformed")
    at = 28 if head[3] & TOKEN else 12  # above: a reserved flag, or token with subject, makes the flags ≥ 12
    require(len(envelope) >= at + 12 + 12 + 32 + 1 + 16, "malformed")
    bound = RECORD * (context.get("record") is not None) | SUBJECT * (context.get("subject") is not None)
    require((head[2], head[3], bound) == (suite, flags, flags & BINDING) and kvid in (b"", head[4:]), "rejected")
    okm = kdf(key, b"medseal/v1/field", envelope[:at + 12] + ctx, 64)
    require(hmac.compare_digest(okm[:32], envelope[at + 24:at + 56]), "rejected")
    try: inner = SUITES[suite](okm[32:]).decrypt(envelope[at + 12:at + 24], envelope[at + 56:], envelope[:at])
    except InvalidTag: raise Refused("rejected") from None
    inner = unpad(inner) if flags & PADDED else inner
    check_value(inner[0], inner[1:])
    return inner[0], inner[1:]
def serve(verb, operation):
    for line in sys.stdin:
        try: answer = {"ok": operation(json.loads(line))} if json.loads(line)["op"] == verb else {"error": "misuse"}
        except Refused as refused: answer = {"error": str(refused)}
        except (AttributeError, KeyError, TypeError, ValueError): answer = {"error": "misuse"}
        print(json.dumps(answer), flush=True)
def answer_decrypt(r):
    envelope = from_text(r["text"]) if "text" in r else bytes.fromhex(r["envelope"])
    key, kvid = derive_k_field(r), bytes.fromhex(r.get("kvid", ""))
    kind, value = decrypt(key, envelope, r["context"], r["suite"], r["flags"], kvid)
    return {"type": kind, "value_hex": value.hex()}
if __name__ == "__main__": serve("decrypt", answer_decrypt)
