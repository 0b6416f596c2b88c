"""All scenarios of vectors/field/. Each refused envelope would open if one rule were left out."""
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from medseal_reference import bucket, kdf, lp, to_text, u32
from medseal_writer import pad
from scenario import (
    AT_RECORD, KVID, PLACE, RECORD_ID, S32, Case, accept, fixed_bytes, malformed, misuse, reject,
)
from two_key import ciphertext, key_stream

BASE = Case()
SUBJECT_CASE = Case().at(subject="pat-1")
TOKEN_CASE = Case(token=fixed_bytes("token", 16))
PAIRS_CASE = Case(pairs=(("app", "ward-2"), ("site.room", "0-17")))
VERSION_CASE = Case().at(row_version="42")
UNBOUND = Case().at(record=None)
CHACHA = Case(suite=3)
M1_SALT, M1_NONCE = bytes(range(0xA0, 0xAC)), bytes(range(0xC0, 0xCC))
# Base64url of these envelopes holds both characters in which the two alphabets differ.
URL_SALT = b"\xfb\xef\xbe\xff\xff\xff" * 2


def merged(scenarios):
    files = {}
    for scenario in scenarios:
        assert not files.keys() & scenario.keys(), scenario.keys()
        files.update(scenario)
    return files


def accepted_values():
    values = [
        ("string", 1, "Müller-Østby \U0001f9ec".encode(), "text of any script"),
        ("string-empty", 1, b"", "an empty string is a value"),
        ("string-nul", 1, b"a\0b\n", "control characters are UTF-8 like any other"),
        ("bytes", 2, bytes(range(256)), "raw bytes"),
        ("integer", 3, b"-123456789012345678901234567890", "wider than any machine integer"),
        ("integer-zero", 3, b"0", "shortest decimal of zero"),
        ("decimal", 4, b"-007.50", "as given: scale and leading zeros are kept"),
        ("boolean", 5, b"\1", "one byte"),
        ("date", 6, b"2024-02-29", "a leap day"),
        ("datetime", 7, b"2016-12-31T23:59:60.125+00:00", "a leap second with a fraction, as given"),
        ("uuid", 8, bytes.fromhex(RECORD_ID.replace("-", "")), "16 raw bytes"),
        ("json", 9, b'"\\u0044oe"', "JSON text as given, quotes and escapes included"),
        ("json-syntax-is-not-checked", 9, b"{", "a decryptor returns JSON text as given; it parses nothing"),
    ]
    for name, kind, value, comment in values:
        yield accept("value-" + name, comment, BASE.but(kind=kind, value=value))
    yield accept("suite-chacha20-poly1305", "suite 03", CHACHA)


def accepted_padding():
    for length in (0, 27, 28, 4091, 4092, 8188):
        size = bucket(5 + length)
        case = BASE.but(padded=True, value=b"x" * length)
        yield accept(f"padded-{length:04}", f"{length} bytes of value fill a bucket of {size}", case)
    yield accept("padded-chacha20-poly1305", "padding under suite 03", CHACHA.but(padded=True))


def accepted_contexts():
    longest = {name: name[0] * 1024 for name in ("tenant", "collection", "field", "record", "subject", "row_version")}
    full = Case(longest, pairs=(("a" * 64, "v" * 1024),), padded=True)
    yield accept("worked-example", "the worked example of the specification", SUBJECT_CASE, M1_SALT, M1_NONCE)
    yield accept("worked-example-chacha20-poly1305", "the worked example under suite 03", SUBJECT_CASE.but(suite=3), M1_SALT, M1_NONCE)
    yield accept("no-record", "neither record nor subject is bound", UNBOUND)
    yield accept("subject-only", "a subject without a record", SUBJECT_CASE.at(record=None))
    yield accept("token", "inline token in a fixed place", TOKEN_CASE)
    yield accept("token-padded-no-record", "flags b0 and b2", TOKEN_CASE.at(record=None).but(padded=True))
    yield accept("row-version", "context tag 6", VERSION_CASE)
    yield accept("pairs", "two pairs of the caller", PAIRS_CASE)
    yield accept("longest-context", "all tags, each value 1024 bytes, a name of 64", full)
    yield accept("context-nfc", "the record id holds U+00E9", BASE.at(record="caf\u00e9"))
    yield accept("context-nfd", "the record id holds U+0065 U+0301, which is another value", BASE.at(record="cafe\u0301"))
    yield accept("k-field", "the key given as K_field itself", BASE.direct())


def accepted_text():
    yield accept("text", "text form of an 88-byte envelope", SUBJECT_CASE, M1_SALT, M1_NONCE, "text")
    yield accept("text-url-alphabet", "the text form holds - and _", BASE, URL_SALT, form="text")
    yield accept("text-token", "the token's characters stand at a fixed place", TOKEN_CASE, form="text")


def elsewhere():
    """The right key for the header, another place in the context."""
    yield reject("wrong-tenant", "sealed for clinic-7", BASE, BASE.at(tenant="clinic-8"))
    yield reject("wrong-collection", "sealed for patient", BASE, BASE.at(collection="person"))
    yield reject("wrong-field", "sealed for name.family", BASE, BASE.at(field="name.given"))
    yield reject("wrong-record", "another row's ciphertext", BASE, BASE.at(record=RECORD_ID[:-1] + "c"))
    yield reject("wrong-subject", "sealed for pat-1", SUBJECT_CASE, SUBJECT_CASE.at(subject="pat-2"))
    yield reject("wrong-row-version", "sealed for version 42", VERSION_CASE, VERSION_CASE.at(row_version="43"))
    yield reject("row-version-left-out", "sealed with row version 42", VERSION_CASE, BASE)
    yield reject("row-version-added", "sealed without a row version", BASE, VERSION_CASE)
    yield reject("row-version-042", "an integer is its shortest decimal", VERSION_CASE, VERSION_CASE.at(row_version="042"))
    foreign = BASE.but(k_field=BASE.at(tenant="clinic-8").key())
    yield reject("key-of-another-tenant", "sealed for this context under a key of clinic-8: a key belongs to one tenant",
                 foreign, BASE.but(key_tenant="clinic-8"))
    yield reject("record-in-other-case", "values are compared as given", BASE, BASE.at(record=RECORD_ID.upper()))
    yield reject("record-with-space", "nothing is trimmed", BASE, BASE.at(record=b" " + RECORD_ID.encode()))
    nfc = BASE.at(record="caf\u00e9")
    yield reject("nfd-for-nfc", "nothing is normalised", nfc, BASE.at(record="cafe\u0301"))


def elsewhere_with_the_same_k_field():
    """K_field is the same on both sides, so only CTX in the message key can refuse."""
    own, subject = BASE.direct(), SUBJECT_CASE.direct()
    yield reject("wrong-tenant-same-k-field", "CTX carries the tenant", own, own.at(tenant="clinic-8"))
    yield reject("wrong-collection-same-k-field", "CTX carries the collection", own, own.at(collection="person"))
    yield reject("wrong-field-same-k-field", "CTX carries the field", own, own.at(field="name.given"))
    yield reject("wrong-subject-same-k-field", "CTX carries the subject", subject, subject.at(subject="pat-2"))
    shifted = own.at(tenant="clinic-7p", collection="atient")
    yield reject("shifted-boundary", "values are length-prefixed, not joined", own, shifted)
    swapped = own.at(record="name.family", field=RECORD_ID)
    yield reject("swapped-values", "each value stands under its own tag", own, swapped)
    yield reject("subject-for-row-version", "tag 5 is not tag 6", subject.at(subject="9"),
                 own.at(row_version="9").but(flags=0x0A, k_field=subject.key()))


def other_pairs():
    pairs = PAIRS_CASE.pairs
    yield reject("wrong-pair-value", "sealed with app=ward-2", PAIRS_CASE, BASE.but(pairs=(("app", "ward-3"), pairs[1])))
    yield reject("wrong-pair-name", "sealed with app=ward-2", PAIRS_CASE, BASE.but(pairs=(("apq", "ward-2"), pairs[1])))
    yield reject("pair-left-out", "sealed with two pairs", PAIRS_CASE, BASE.but(pairs=pairs[:1]))
    yield reject("pair-added", "sealed without pairs", BASE, PAIRS_CASE)
    yield reject("pair-shifted-boundary", "names and values are length-prefixed", BASE.but(pairs=(("ab", "c"),)),
                 BASE.but(pairs=(("a", "bc"),)))


def other_binding():
    """The definition says what must be bound. The header never does."""
    yield reject("record-given-not-bound", "the context has a record, the definition binds none", UNBOUND, BASE.but(flags=0))
    yield reject("record-missing", "the definition binds a record, the context has none", UNBOUND.but(flags=2), UNBOUND.but(flags=2))
    yield reject("downgrade-unbound", "an unbound envelope in a bound column", UNBOUND, BASE)
    yield reject("downgrade-unbound-no-record", "the same, and the caller leaves the record out", UNBOUND, UNBOUND.but(flags=2))
    yield reject("bound-in-unbound-column", "flags must be equal, not only sufficient", BASE, BASE.but(flags=0))
    keyed = SUBJECT_CASE.direct()
    yield reject("subject-given-not-bound", "the context has a subject, the definition binds none",
                 BASE.direct(), BASE.direct().at(subject="pat-1").but(flags=2))
    yield reject("subject-missing", "the definition binds a subject, the context has none",
                 keyed.at(subject=None).but(flags=0x0A), keyed.at(subject=None).but(flags=0x0A))
    yield reject("downgrade-subject", "an envelope without subject in a subject-bound column", BASE, SUBJECT_CASE)
    yield reject("padded-not-required", "padded envelope, definition without padding", BASE.but(padded=True), BASE)
    yield reject("padding-required", "unpadded envelope, definition with padding", BASE, BASE.but(padded=True))
    yield reject("token-not-required", "envelope with token, definition without", TOKEN_CASE, BASE)
    yield reject("token-required", "envelope without token, definition with", BASE, TOKEN_CASE)


def other_key():
    other = bytes(31) + b"\1"
    yield reject("suite-03-for-01", "the suite belongs to the key version", CHACHA, BASE)
    yield reject("suite-01-for-03", "the suite belongs to the key version", BASE, CHACHA)
    yield reject("wrong-kek", "sealed under another KEK with this id", BASE, BASE.but(kek=other))
    yield reject("wrong-k-field", "sealed under another K_field with this id", BASE.direct(), BASE.but(k_field=other))
    yield reject("wrong-key-version-id", "the header names another version", BASE, BASE.but(kvid=KVID[::-1]))
    yield reject("wrong-key-version-id-same-k-field", "the same, with K_field given", BASE.direct(),
                 BASE.direct().but(kvid=KVID[::-1]))
    yield reject("wrong-subject-secret", "an erased and re-created subject", SUBJECT_CASE, SUBJECT_CASE.but(s32=S32[::-1][:31] + b"\0"))
    tenant_key = SUBJECT_CASE.but(k_field=BASE.key())
    yield reject("tenant-dek-for-subject", "b3 selects the subject DEK; this one is under the tenant DEK", tenant_key, SUBJECT_CASE)


def headers():
    plain = BASE.sealed("header")
    yield malformed("magic", "every other magic byte", plain, more=["each: set-byte", "bytes: 0", "values: 0-247 249-255"])
    yield malformed("format", "every other format byte, those of other formats included", plain,
                    more=["each: set-byte", "bytes: 1", "values: 0 2-255"])
    yield malformed("suite-each", "every byte that is no suite", plain, more=["each: set-byte", "bytes: 2", "values: 0 2 4-255"])
    for suite in (0x00, 0x02, 0x04, 0x05, 0xFF):
        name = f"suite-{suite:02x}"
        body = BASE.but(suite=suite).sealed(name, cipher=1)
        yield malformed(name, "unknown or reserved suite, otherwise sealed correctly as AES-256-GCM", body)
    for bit in range(4, 8):
        yield malformed(f"flag-b{bit}", "reserved flag, otherwise sealed correctly", BASE.but(flags=2 | 1 << bit))
    both = SUBJECT_CASE.but(token=TOKEN_CASE.token)
    yield malformed("token-with-subject", "b2 with b3: a token would outlive the subject's erasure", both, SUBJECT_CASE)


def lengths():
    for name, case in (("", BASE), ("-token", TOKEN_CASE), ("-padded", BASE.but(padded=True))):
        body = case.sealed("truncate" + name)
        shortest = 101 if case.token else 85
        yield malformed("truncated" + name, "every length below the shortest envelope", body, case,
                        more=["each: truncate", f"lengths: 0-{shortest - 1}"])
        yield reject("truncated" + name, "every length from the shortest envelope on", body, case,
                     more=["each: truncate", f"lengths: {shortest}-{len(body) - 1}"])
        yield reject("trailing-byte" + name, "one more byte, of every value", body, case, more=["each: append", "values: 0-255"])
    yield malformed("no-type-byte", "authenticated, but there is no plaintext at all", BASE.but(inner=b""))


def bits(name, body, case, tamper):
    for part, expect, at, which in tamper:
        comment = f"each bit of {part.replace('-', ' ')}"
        yield expect(f"bit{name}-{part}", comment, body, case, more=["each: flip-bit", f"bytes: {at}", f"bits: {which}"])


def flipped_bits():
    """Every bit of five envelopes. A changed suite or flag is malformed or rejected by what it becomes."""
    for name, case in (("", SUBJECT_CASE), ("-unbound", UNBOUND), ("-chacha20-poly1305", CHACHA), ("-token", TOKEN_CASE),
                       ("-padded", BASE.but(padded=True))):
        body = case.sealed("bits" + name)
        yield from bits(name, body, case, [("from-key-id-on", reject, f"4-{len(body) - 1}", "0-7")])
    body = SUBJECT_CASE.sealed("bits")
    yield from bits("", body, SUBJECT_CASE, [
        ("magic-and-format", malformed, "0-1", "0-7"), ("suite", malformed, "2", "0 2-7"), ("suite", reject, "2", "1"),
        ("flags", malformed, "3", "2 4-7"), ("flags", reject, "3", "0-1 3")])


def swapped_parts():
    one, two = BASE.sealed("one"), BASE.sealed("two")
    for part, start, end in (("salt", 12, 24), ("nonce", 24, 36), ("commitment", 36, 68), ("ciphertext", 68, None)):
        body = one[:start] + two[start:end] + (one[end:] if end else b"")
        yield reject(f"swapped-{part}", f"the {part} of another message under the same key", body)
    with_token, other = TOKEN_CASE.sealed("one"), fixed_bytes("other token", 16)
    yield reject("swapped-token", "another token in front of the same message", with_token[:12] + other + with_token[28:], TOKEN_CASE)
    yield reject("commitment-zero", "no commitment, ciphertext and tag intact", one[:36] + bytes(32) + one[68:])
    okm = kdf(BASE.key(), b"medseal/v1/field", one[:24] + BASE.ctx(), 64)
    reversed_okm = BASE.sealed("one", salt=one[12:24])
    yield reject("commitment-is-the-aead-key", "OKM taken in the wrong order", reversed_okm[:36] + okm[32:] + reversed_okm[68:])


def two_key_envelopes():
    """One AES-GCM ciphertext, valid under the message keys of two cells; each cell's commitment in turn."""
    salt, here, there = fixed_bytes("two-key salt", 12), BASE.but(kind=2), BASE.but(kind=2).at(record="another-row")
    okms = [kdf(case.key(), b"medseal/v1/field", case.header() + salt + case.ctx(), 64) for case in (here, there)]
    nonce, sealed = two_key_message([okm[32:] for okm in okms], here.header())
    first = here.but(value=opened_value(okms[0], nonce, sealed, here))
    second = there.but(value=opened_value(okms[1], nonce, sealed, there))
    bodies = [here.header() + salt + nonce + okm[:32] + sealed for okm in okms]
    assert first.sealed("", salt, nonce) == bodies[0] and second.sealed("", salt, nonce) == bodies[1]
    yield accept("two-key-first", "opens under the key that it commits to", first, salt, nonce)
    yield accept("two-key-second", "the same ciphertext and tag, committed to the other key", second, salt, nonce)
    yield reject("two-key-first", "AES-GCM opens this ciphertext here too; the commitment does not", bodies[0], second)
    yield reject("two-key-second", "the same the other way round", bodies[1], first)
    neither = bodies[0][:36] + fixed_bytes("no commitment", 32) + bodies[0][68:]
    yield reject("two-key-neither", "valid under two keys, committed to none", neither, first)


def two_key_message(keys, aad):
    """Search a nonce under which both plaintexts begin with type 2; about 256 attempts."""
    for attempt in range(1 << 16):
        nonce = fixed_bytes(f"two-key nonce {attempt}", 12)
        streams = [key_stream(key, nonce) for key in keys]
        if streams[0][0] == streams[1][0]:
            first = bytes(a ^ b for a, b in zip(streams[0], b"\x02dose 5 mg daily"))
            return nonce, ciphertext(*keys, nonce, aad, first)
    raise AssertionError("no nonce found")


def opened_value(okm, nonce, sealed, case):
    inner = AESGCM(okm[32:]).decrypt(nonce, sealed, case.header())
    assert inner[0] == 2
    return inner[1:]


def wrong_padding():
    base, doe = BASE.but(padded=True), b"\x01" + lp(b"Doe")
    inners = [
        ("first-byte", (doe + b"\1").ljust(32, b"\0"), "the first padding byte is not zero"),
        ("last-byte", doe.ljust(31, b"\0") + b"\1", "the last padding byte is not zero"),
        ("bucket-64", doe.ljust(64, b"\0"), "32 would do"),
        ("bucket-48", pad(b"\x01" + b"x" * 40)[:48], "48 is no bucket"),
        ("bucket-5120", (b"\x01" + lp(b"x" * 4200)).ljust(5120, b"\0"), "above 4096 only multiples of 4096"),
        ("bucket-12288", (b"\x01" + lp(b"x" * 4200)).ljust(12288, b"\0"), "8192 would do"),
        ("none", doe, "length prefix without padding"),
        ("length-beyond", (b"\x01" + u32(28) + b"Doe").ljust(32, b"\0"), "the length reaches one byte beyond the end"),
        ("length-max", (b"\x01" + u32(0xFFFFFFFF) + b"Doe").ljust(32, b"\0"), "a length near 2^32"),
        ("unpadded", b"\x01Doe", "padded flag, unpadded content"),
        ("type-only", b"\x01", "padded flag, one byte"),
    ]
    for name, inner, comment in inners:
        yield reject("padding-" + name, comment, base.but(inner=inner), base)


def wrong_values():
    values = [
        ("type-00", 0, b"x", "no such type"), ("type-0a", 10, b"x", "no such type"), ("type-80", 128, b"x", "reserved type"),
        ("string-not-utf8", 1, b"\xff", "not UTF-8"), ("string-overlong", 1, b"\xc0\x80", "overlong UTF-8"),
        ("string-surrogate", 1, b"\xed\xa0\x80", "a surrogate is not UTF-8"), ("json-not-utf8", 9, b'"\xff"', "not UTF-8"),
        ("integer-leading-zero", 3, b"042", "not the shortest form"), ("integer-plus", 3, b"+1", "not the shortest form"),
        ("integer-minus-zero", 3, b"-0", "not the shortest form"), ("integer-empty", 3, b"", "no digit"),
        ("integer-newline", 3, b"1\n", "a digit string only"), ("integer-arabic-digit", 3, "١".encode(), "ASCII digits only"),
        ("decimal-no-whole", 4, b".5", "no digit before the point"), ("decimal-no-fraction", 4, b"1.", "no digit after the point"),
        ("decimal-exponent", 4, b"1e3", "no exponent"), ("decimal-comma", 4, b"1,5", "the separator is a point"),
        ("boolean-02", 5, b"\2", "00 or 01"), ("boolean-empty", 5, b"", "00 or 01"), ("boolean-two-bytes", 5, b"\0\1", "one byte"),
        ("date-no-leap-year", 6, b"2023-02-29", "no such day"), ("date-month-13", 6, b"2023-13-01", "no such month"),
        ("date-year-0000", 6, b"0000-01-01", "years are 0001 to 9999"), ("date-short", 6, b"2023-1-1", "YYYY-MM-DD"),
        ("datetime-lower-case", 7, b"2024-01-01t00:00:00z", "T and Z are capitals"),
        ("datetime-no-offset", 7, b"2024-01-01T00:00:00", "the offset is mandatory"),
        ("datetime-space", 7, b"2024-01-01 00:00:00Z", "T between date and time"),
        ("datetime-hour-24", 7, b"2024-01-01T24:00:00Z", "no such hour"), ("datetime-second-61", 7, b"2024-01-01T00:00:61Z", "no such second"),
        ("datetime-offset-24", 7, b"2024-01-01T00:00:00+24:00", "no such offset"),
        ("datetime-no-such-day", 7, b"2023-02-29T00:00:00Z", "no such day"),
        ("datetime-empty-fraction", 7, b"2024-01-01T00:00:00.Z", "a fraction has a digit"),
        ("uuid-15", 8, bytes(15), "16 bytes"), ("uuid-text", 8, RECORD_ID.encode(), "16 bytes, not 36 characters"),
    ]
    for name, kind, value, comment in values:
        yield reject("value-" + name, comment, BASE.but(kind=kind, value=value), BASE)


def wrong_text():
    text = to_text(SUBJECT_CASE.sealed("text")).encode()
    plus = to_text(BASE.sealed("text", URL_SALT)).encode()
    assert len(text) % 4 == 2 and b"-" in plus and b"_" in plus
    two_spare = to_text(BASE.but(value=b"Does").sealed("text")).encode()
    assert len(two_spare) % 4 == 3
    bodies = [
        ("newline", text + b"\n", "a newline after it"), ("crlf", text + b"\r\n", "CR LF after it"),
        ("newline-inside", text[:40] + b"\n" + text[40:], "a newline inside"), ("space-before", b" " + text, "a space before it"),
        ("space-after", text + b" ", "a space after it"), ("nul", text + b"\0", "a NUL after it"),
        ("padding", text + b"==", "base64 padding"), ("trailing-bits-4", last_bit(text), "a spare bit is set in the last character"),
        ("trailing-bits-2", last_bit(two_spare), "a spare bit is set in the last character"),
        ("upper-case-prefix", b"MS1:" + text[4:], "the prefix is ms1:"), ("version-2", b"ms2:" + text[4:], "the prefix is ms1:"),
        ("no-prefix", text[4:], "the prefix is not optional"), ("prefix-only", b"ms1:", "no envelope"), ("empty", b"", "nothing at all"),
        ("two-prefixes", b"ms1:" + text, "a colon is not in the alphabet"),
        ("one-character-too-many", text[:-1], "length 1 modulo 4 is no base64"), ("foreign-character", text[:50] + b"!" + text[51:], "junk inside"),
        ("non-ascii", text[:50] + "é".encode() + text[51:], "junk inside"), ("hex", SUBJECT_CASE.sealed("text").hex().encode(), "hex is no text form"),
    ]
    for name, body, comment in bodies:
        case = BASE if name == "trailing-bits-2" else SUBJECT_CASE
        yield malformed("text-" + name, comment, body, case, "text")
    standard = plus.replace(b"-", b"+").replace(b"_", b"/")
    yield malformed("text-standard-alphabet", "+ and / are of the other alphabet", standard, BASE, "text")
    yield malformed("text-bad-magic", "sound base64url, but no envelope", to_text(b"\xf9" + SUBJECT_CASE.sealed("text")[1:]).encode(), SUBJECT_CASE, "text")
    yield reject("text-wrong-record", "another row's text", text, SUBJECT_CASE.at(record="another-row"), "text")


def last_bit(text):
    alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return text[:-1] + bytes([alphabet[alphabet.index(text[-1]) | 1]])


def misused():
    """Contexts that cannot exist; each envelope is sealed for just that context, as a lax writer would."""
    own = BASE.direct()
    yield misuse("pairs-descending", "names strictly ascending", own.but(pairs=(("b", "1"), ("a", "2"))))
    yield misuse("pairs-duplicate", "no name twice", own.but(pairs=(("a", "1"), ("a", "2"))))
    yield misuse("pair-name-upper-case", "names are [a-z0-9._-]", own.but(pairs=(("A", "1"),)))
    yield misuse("pair-name-empty", "names have 1 to 64 characters", own.but(pairs=(("", "1"),)))
    yield misuse("pair-name-65", "names have 1 to 64 characters", own.but(pairs=(("a" * 65, "1"),)))
    yield misuse("pair-value-empty", "values have 1 to 1024 bytes", own.but(pairs=(("a", b""),)))
    yield misuse("pair-value-1025", "values have 1 to 1024 bytes", own.but(pairs=(("a", b"v" * 1025),)))
    yield misuse("pairs-65536", "more pairs than the count can say", own.but(pair_range=65536))
    yield misuse("record-empty", "values have 1 to 1024 bytes", own.at(record=b""))
    yield misuse("record-1025", "values have 1 to 1024 bytes", own.at(record=b"r" * 1025))
    yield misuse("record-not-utf8", "values are UTF-8", own.at(record=b"caf\xe9"))
    yield misuse("field-missing", "tags 1, 2 and 3 are always there", own.at(field=None))


def field_files():
    groups = (accepted_values, accepted_padding, accepted_contexts, accepted_text, elsewhere, elsewhere_with_the_same_k_field,
              other_pairs, other_binding, other_key, headers, lengths, flipped_bits, swapped_parts, two_key_envelopes,
              wrong_padding, wrong_values, wrong_text, misused)
    return merged(scenario for group in groups for scenario in group())
