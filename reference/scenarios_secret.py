"""All scenarios of vectors/secret/: stored secrets, format byte 04."""
from dataclasses import dataclass, replace

from medseal_reference import kdf, u32
from medseal_secret import LABEL, TYPE_BYTES, encode_secret_context, is_month, secret_header, wrap_key
from medseal_writer import seal
from scenario import BASE_KWK, fixed_bytes
from vector_file import hex_body, render, text_line

MONTH = 202611


@dataclass(frozen=True)
class Secret:
    kwk: bytes = BASE_KWK
    kwk_version: int = 7
    month: int = MONTH
    epoch_key: bytes = fixed_bytes("epoch key", 32)
    suite: int = 1
    store_id: str = "018f3c2e-7b7a-7cc2-98ab-0123456789ab"
    table: str = "key_versions"
    primary_key: tuple = ("0102030405060708",)
    version: int = 3
    purpose: str = "kek"
    secret: bytes = fixed_bytes("a KEK", 32)

    def but(self, **changes):
        return replace(self, **changes)

    def w(self):
        return wrap_key(self.kwk, self.month, self.epoch_key)

    def context(self):
        return {name: getattr(self, name) for name in ("store_id", "table", "primary_key", "version", "purpose")}

    def header(self):
        return secret_header(self.suite, self.kwk_version, self.month)

    def sealed(self, name, head=None, label=LABEL, w=None, inner=None):
        salt, nonce = fixed_bytes("salt " + name, 12), fixed_bytes("nonce " + name, 12)
        inner, ctx = TYPE_BYTES + self.secret if inner is None else inner, encode_secret_context(self.context())
        return seal(w or self.w(), head or self.header(), b"", salt, nonce, ctx, inner, label, self.suite)

    def lines(self):
        yield f"kwk: {self.kwk.hex()}"
        yield f"kwk-version: {self.kwk_version}"
        yield f"month: {self.month}"
        if self.epoch_key:
            yield f"epoch-key: {self.epoch_key.hex()}"
        yield f"store-id: {self.store_id}"
        yield text_line("table", self.table.encode())
        for column in self.primary_key:
            yield text_line("primary-key", column.encode())
        yield f"version: {self.version}"
        yield text_line("purpose", self.purpose.encode())


KEK = Secret()
SUBJECT = Secret(table="subjects", primary_key=("clinic-7", "pat-1"), version=1, purpose="subject-secret")
UNDATED = Secret(month=0, epoch_key=b"", table="principals", primary_key=("42",), purpose="totp", secret=fixed_bytes("totp", 20))


def vector(expect, name, comment, opener, body, more=()):
    head = ["spec: secret/v1", f"scenario: {name}", f"expect: {expect}", f"comment: {comment}"]
    return {name: render([*head, *opener.lines(), *more], hex_body(body))}


def accept(name, comment, case):
    name = "accept-" + name
    body = case.sealed(name)
    more = [f"salt: {body[12:24].hex()}", f"nonce: {body[24:36].hex()}", f"plaintext: {case.secret.hex()}"]
    return vector("success", name, comment, case, body, more)


def reject(name, comment, body, opener=KEK, more=()):
    return vector("rejected", "rejected-" + name, comment, opener, body, more)


def malformed(name, comment, body, opener=KEK, more=()):
    return vector("malformed", "malformed-" + name, comment, opener, body, more)


def accepted():
    yield accept("kek", "a KEK under the epoch key of November 2026", KEK)
    yield accept("subject-secret", "a subject's S32", SUBJECT)
    yield accept("no-month", "a secret that no epoch key protects; not of 32 bytes", UNDATED)
    yield accept("empty-secret", "the type byte alone: the shortest envelope", UNDATED.but(secret=b""))
    yield accept("version-max", "the row version is an unsigned 64-bit number", KEK.but(version=(1 << 64) - 1, secret=b"\0"))


def another_row():
    body = KEK.sealed("row")
    others = {
        "store": KEK.but(store_id="00000000-0000-0000-0000-000000000000"), "table": KEK.but(table="key_version"), "primary-key": KEK.but(primary_key=("0102030405060709",)),
        "version": KEK.but(version=4), "purpose": KEK.but(purpose="index-key"),
    }
    for name, opener in others.items():
        yield reject("wrong-" + name, f"sealed for another {name.replace('-', ' ')}", body, opener)
    shifted = KEK.but(table="key_versions0", primary_key=("102030405060708",))
    yield reject("shifted-boundary", "values are length-prefixed, not joined", body, shifted)
    columns = {"shifted-column": ("clinic-7p", "at-1"), "joined-columns": ("clinic-7pat-1",), "swapped-columns": ("pat-1", "clinic-7"),
               "column-missing": ("clinic-7",), "column-added": ("clinic-7", "pat-1", "x")}
    for name, primary_key in columns.items():
        yield reject(name, "each column of the primary key is length-prefixed", SUBJECT.sealed("columns"), SUBJECT.but(primary_key=primary_key))


def another_key():
    body = KEK.sealed("key")
    yield reject("wrong-kwk", "another KWK with this version", body, KEK.but(kwk=bytes(32)))
    yield reject("wrong-kwk-version", "the header names another KWK version", body, KEK.but(kwk_version=8))
    yield reject("wrong-epoch-key", "another epoch key for this month", body, KEK.but(epoch_key=bytes(32)))
    yield reject("wrong-month", "the header names another month", body, KEK.but(month=202612))
    yield reject("month-not-in-w", "W of another month under this header", KEK.sealed("month", w=KEK.but(month=202612).w()))
    yield reject("epoch-key-not-in-w", "W made without the epoch key", KEK.sealed("month", w=UNDATED.w()))
    yield reject("dated-for-undated", "a month where none is expected", body, KEK.but(month=0, epoch_key=b""))
    yield reject("undated-for-dated", "no month where one is expected", UNDATED.sealed("month"), UNDATED.but(month=MONTH, epoch_key=KEK.epoch_key))
    yield reject("suite-03", "known, but not the suite of stored secrets; otherwise sealed correctly", KEK.but(suite=3).sealed("suite"))
    yield reject("secret-label", "stored secrets have no message label of their own", KEK.sealed("label", label=b"medseal/v1/secret"))


def tampered():
    body, other = KEK.sealed("one"), KEK.sealed("two")
    yield malformed("magic", "every other magic byte", body, more=["each: set-byte", "bytes: 0", "values: 0-247 249-255"])
    yield malformed("format", "every other format byte", body, more=["each: set-byte", "bytes: 1", "values: 0-3 5-255"])
    yield malformed("suite", "every byte that is no suite", body, more=["each: set-byte", "bytes: 2", "values: 0 2 4-255"])
    flagged = KEK.header()[:3] + b"\1" + KEK.header()[4:]
    yield malformed("flags", "byte 3 is 00; otherwise sealed correctly", KEK.sealed("flags", head=flagged))
    yield malformed("flags-each", "every other value of byte 3", body, more=["each: set-byte", "bytes: 3", "values: 1-255"])
    yield reject("suite-byte", "the byte of the other known suite", body, more=["each: set-byte", "bytes: 2", "values: 3"])
    yield malformed("empty-plaintext", "authenticated, but the type byte is missing", KEK.sealed("empty", inner=b""))
    for kind in (0, 1, 3, 9, 10, 255):
        yield reject(f"type-{kind:03}", "authenticated, but not of type bytes", KEK.sealed("type", inner=bytes([kind]) + KEK.secret))
    yield malformed("truncated", "every length below the shortest envelope", body, more=["each: truncate", "lengths: 0-84"])
    yield reject("truncated", "every length from the shortest envelope on", body, more=["each: truncate", f"lengths: 85-{len(body) - 1}"])
    yield reject("trailing-byte", "one more byte, of every value", body, more=["each: append", "values: 0-255"])
    yield reject("bit-kwk-version", "each bit of the KWK version", body, more=["each: flip-bit", "bytes: 4-7", "bits: 0-7"])
    yield reject("bit-from-salt-on", "each bit from the salt on", body,
                 more=["each: flip-bit", f"bytes: 12-{len(body) - 1}", "bits: 0-7"])
    yield reject("swapped-commitment", "the commitment of another secret under W", body[:36] + other[36:68] + body[68:])


def flipped_months():
    """A flipped bit of the month is another month, or no month at all."""
    body = KEK.sealed("one")
    for at in range(8, 12):
        becomes = {bit: is_month(MONTH ^ 1 << bit + 8 * (11 - at)) for bit in range(8)}
        for make, other in ((reject, True), (malformed, False)):
            chosen = [str(bit) for bit in becomes if becomes[bit] is other]
            comment = "bits whose change gives another month" if other else "bits whose change gives no month"
            if chosen:
                yield make(f"bit-month-byte-{at}", comment, body, more=["each: flip-bit", f"bytes: {at}", f"bits: {' '.join(chosen)}"])
    for number in (202600, 202613, 12):
        yield malformed(f"month-{number:06}", "no month; otherwise sealed correctly", month_header(number))


def month_header(number):
    head = secret_header(KEK.suite, KEK.kwk_version, number)
    w = kdf(KEK.kwk, b"medseal/v1/wrap-key", u32(number) + KEK.epoch_key)
    return KEK.sealed(f"month {number}", head=head, w=w)


def secret_files():
    return {name: data for group in (accepted, another_row, another_key, tampered, flipped_months) for file in group() for name, data in file.items()}
