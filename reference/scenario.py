"""Building blocks of field scenarios: a `Case` is all that a writer or an opener knows about one cell."""
import hashlib
from dataclasses import dataclass, field, replace

from medseal_reference import PADDED, RECORD, SUBJECT, TOKEN, derive_k_field, lp, to_text
from medseal_writer import header, pad, seal
from vector_file import hex_body, pair_line, render, text_line

KEK = bytes(range(32))
KVID = bytes(range(1, 9))
S32 = b"\xd0" * 32
BASE_KWK = bytes(range(0x20, 0x40))
RECORD_ID = "018f3c2e-7b7a-7cc2-98ab-0123456789ab"
PLACE = {"tenant": "clinic-7", "collection": "patient", "field": "name.family"}
AT_RECORD = dict(PLACE, record=RECORD_ID)
TAGS = {"tenant": 1, "collection": 2, "field": 3, "record": 4, "subject": 5, "row_version": 6}


def fixed_bytes(name, n):
    """Stands in for randomness: the generator must give the same files each time."""
    return hashlib.sha256(name.encode()).digest()[:n]


def raw(value):
    return value if isinstance(value, bytes) else value.encode()


def unchecked_ctx(context, pairs):
    """CTX without any rule: what a careless caller would bind. The generator's own second encoding."""
    entries = [(TAGS[name], raw(value)) for name, value in context.items()]
    listed = b"".join(lp(name.encode()) + lp(raw(value)) for name, value in pairs)
    entries += [(0x80, (len(pairs) & 0xFFFF).to_bytes(2, "big") + listed)] if pairs else []
    return bytes([len(entries)]) + b"".join(bytes([tag]) + lp(value) for tag, value in sorted(entries))


@dataclass(frozen=True)
class Case:
    context: dict = field(default_factory=lambda: AT_RECORD)
    pairs: tuple = ()
    pair_range: int = 0
    suite: int = 1
    flags: int | None = None
    kvid: bytes = KVID
    kek: bytes = KEK
    s32: bytes = S32
    k_field: bytes | None = None
    key_tenant: str | None = None
    token: bytes = b""
    padded: bool = False
    kind: int = 1
    value: bytes = b"Doe"
    inner: bytes | None = None

    def but(self, **changes):
        return replace(self, **changes)

    def at(self, **changes):
        """The same case elsewhere; None leaves a value out."""
        context = {**self.context, **changes}
        return self.but(context={name: value for name, value in context.items() if value is not None})

    def header_flags(self):
        if self.flags is not None:
            return self.flags
        bound = RECORD * ("record" in self.context) | SUBJECT * ("subject" in self.context)
        return bound | PADDED * self.padded | TOKEN * bool(self.token)

    def key(self):
        if self.k_field is not None:
            return self.k_field
        request = dict(self.context, context=self.context, kek=self.kek.hex(), kvid=self.kvid.hex(),
                       s32=self.s32.hex(), flags=self.header_flags())
        return derive_k_field(request)

    def direct(self):
        """The same key, given as K_field itself, so that only CTX can tell two places apart."""
        return self.but(k_field=self.key())

    def all_pairs(self):
        return list(self.pairs) + [(f"p{i:05}", "x") for i in range(self.pair_range)]

    def plaintext(self):
        if self.inner is not None:
            return self.inner
        inner = bytes([self.kind]) + self.value
        return pad(inner) if self.padded else inner

    def header(self):
        return header(self.suite, self.header_flags(), self.kvid)

    def ctx(self):
        return unchecked_ctx(self.context, self.all_pairs())

    def sealed(self, name, salt=None, nonce=None, cipher=None):
        salt, nonce = salt or fixed_bytes("salt " + name, 12), nonce or fixed_bytes("nonce " + name, 12)
        return seal(self.key(), self.header(), self.token, salt, nonce, self.ctx(), self.plaintext(), suite=cipher)

    def lines(self):
        yield f"key-version-id: {self.kvid.hex()}"
        if self.k_field is not None:
            yield f"k-field: {self.k_field.hex()}"
        else:
            yield f"kek: {self.kek.hex()}"
        if self.k_field is None and self.header_flags() & SUBJECT:
            yield f"subject-secret: {self.s32.hex()}"
        if self.key_tenant:
            yield f"key-tenant: {self.key_tenant}"
        yield f"required-suite: {self.suite:02x}"
        yield f"required-flags: {self.header_flags():02x}"
        for name in TAGS:
            if name in self.context:
                yield text_line(name.replace("_", "-"), raw(self.context[name]))
        for name, value in self.pairs:
            yield pair_line(name, raw(value))
        if self.pair_range:
            yield f"pair-range: {self.pair_range}"


def vector(name, expect, comment, opener, body, form="binary", more=()):
    head = ["spec: field/v1", f"scenario: {name}", f"expect: {expect}", f"comment: {comment}", f"form: {form}"]
    return {name: render([*head, *opener.lines(), *more], body if form == "text" else hex_body(body))}


def accept(name, comment, case, salt=None, nonce=None, form="binary"):
    """An accepted scenario names its random bytes, so a writer can be tested with it too."""
    name = "accept-" + name
    envelope = case.sealed(name, salt, nonce)
    start = 28 if case.token else 12
    more = [f"salt: {envelope[start:start + 12].hex()}", f"nonce: {envelope[start + 12:start + 24].hex()}"]
    more += [f"token: {case.token.hex()}"] if case.token else []
    more += [f"value-type: {case.kind}", f"plaintext: {case.value.hex()}".rstrip()]
    body = to_text(envelope).encode() if form == "text" else envelope
    return vector(name, "success", comment, case, body, form, more)


def reject(name, comment, written, opener=None, form="binary", more=()):
    """`written` is a Case to seal as it is, or the bytes themselves."""
    return refused("rejected", name, comment, written, opener, form, more)


def malformed(name, comment, written, opener=None, form="binary", more=()):
    return refused("malformed", name, comment, written, opener, form, more)


def misuse(name, comment, written):
    return refused("misuse", name, comment, written, written)


def refused(expect, name, comment, written, opener=None, form="binary", more=()):
    name = f"{expect}-{name}"
    body = written.sealed(name) if isinstance(written, Case) else written
    return vector(name, expect, comment, opener or Case(), body, form, more)
