"""The vector file format: writing, reading, and turning one scenario into requests. vectors/README.md defines it."""
from medseal_reference import to_text

FIELD_CONTEXT = {"tenant": "tenant", "collection": "collection", "field": "field", "record": "record",
                 "subject": "subject", "row-version": "row_version"}

CHUNK_CHANGES = ("swap-chunks", "repeat-chunk", "drop-chunk")


def is_plain(raw):
    return len(raw) > 0 and all(0x20 <= b < 0x7F for b in raw) and raw == raw.strip(b" ")


def text_line(key, raw):
    """A header line whose value is text where a line can show it, hex where not."""
    return f"{key}: {raw.decode()}" if is_plain(raw) else f"{key}-hex: {raw.hex()}".rstrip()


def pair_line(name, raw):
    return f"pair: {name}={raw.decode()}" if is_plain(raw) else f"pair-hex: {name}={raw.hex()}"


def hex_body(raw):
    return "".join(raw[i:i + 32].hex() + "\n" for i in range(0, len(raw), 32)).encode()


def render(lines, body=b""):
    return "\n".join(lines).encode("ascii") + b"\n\n" + body


def text_of(raw):
    """Bytes that are no UTF-8 stay visible as such: the reference must refuse them, not this reader."""
    return raw.decode("utf-8", "surrogateescape")


class Vector:
    def __init__(self, data):
        head, _, self.body = data.partition(b"\n\n")
        self.keys, self.pairs, self.columns = {}, [], []
        for line in head.decode("ascii").split("\n"):
            key, _, value = line.partition(":")
            self._add(key, value.removeprefix(" "))

    def _add(self, key, value):
        if key in ("pair", "pair-hex"):
            name, _, value = value.partition("=")
            self.pairs.append([name, text_of(bytes.fromhex(value)) if key == "pair-hex" else value])
        elif key in ("primary-key", "primary-key-hex"):
            self.columns.append(text_of(bytes.fromhex(value)) if key.endswith("-hex") else value)
        elif key == "pair-range":
            self.pairs += [[f"p{i:05}", "x"] for i in range(int(value))]
        elif key in self.keys:
            raise ValueError(f"key `{key}` twice")
        elif key.endswith("-hex"):
            self.keys[key.removesuffix("-hex")] = text_of(bytes.fromhex(value))
        else:
            self.keys[key] = value

    def raw(self, key):
        return bytes.fromhex(self.keys[key])

    def numbers(self, key):
        spans = [span.partition("-") for span in self.keys[key].split()]
        return [n for first, _, last in spans for n in range(int(first), int(last or first) + 1)]

    def envelopes(self):
        """The bodies of this scenario: one, or one for each mutation."""
        return self.changes_of(bytes.fromhex(self.body.decode("ascii")))

    def changes_of(self, whole):
        each = self.keys.get("each")
        if each == "flip-bit":
            return [flipped(whole, at, bit) for at in self.numbers("bytes") for bit in self.numbers("bits")]
        if each == "set-byte":
            return [replaced(whole, at, value) for at in self.numbers("bytes") for value in self.numbers("values")]
        if each == "truncate":
            return [whole[:length] for length in self.numbers("lengths")]
        if each == "append":
            return [whole + bytes([value]) for value in self.numbers("values")]
        if each in CHUNK_CHANGES:
            return self.chunk_changes(whole, each)
        assert each is None, each
        return [whole]

    def chunk_changes(self, whole, each):
        start, which = int(self.keys["chunks-from"]), self.numbers("chunks")
        chunks = [whole[at:at + 16400] for at in range(start, len(whole), 16400)]
        if each == "swap-chunks":
            a, b = which
            chunks[a], chunks[b] = chunks[b], chunks[a]
            return [whole[:start] + b"".join(chunks)]
        copies = 2 if each == "repeat-chunk" else 0
        return [whole[:start] + b"".join(chunks[:n] + [chunks[n]] * copies + chunks[n + 1:]) for n in which]

    def context(self):
        given = {name: self.keys[key] for key, name in FIELD_CONTEXT.items() if key in self.keys}
        return dict(given, pairs=self.pairs)

    def request(self):
        """What a decrypt and an encrypt request have in common."""
        context = self.context()
        request = {"kvid": self.keys["key-version-id"], "context": context,
                   "suite": int(self.keys["required-suite"], 16), "flags": int(self.keys["required-flags"], 16)}
        if "k-field" in self.keys:
            return dict(request, k_field=self.keys["k-field"])
        place = {name: context.get(name) for name in ("collection", "field", "subject")}
        tenant = self.keys.get("key-tenant", context.get("tenant"))
        secret = {"s32": self.keys["subject-secret"]} if "subject-secret" in self.keys else {}
        return dict(request, **place, **secret, tenant=tenant, kek=self.keys["kek"])

    def decrypt_requests(self):
        base = dict(self.request(), op="decrypt")
        if self.keys["form"] == "text":
            return [dict(base, text=text_of(self.body))]
        return [dict(base, envelope=envelope.hex()) for envelope in self.envelopes()]

    def encrypt_request(self):
        given = {name: self.keys[name] for name in ("salt", "nonce", "token") if name in self.keys}
        return dict(self.request(), op="encrypt", value_type=int(self.keys["value-type"]),
                    value_hex=self.keys["plaintext"], padded=bool(int(self.keys["required-flags"], 16) & 1), **given)

    def expected(self):
        if self.keys["expect"] != "success":
            return {"error": self.keys["expect"]}
        return {"ok": {"type": int(self.keys["value-type"]), "value_hex": self.keys["plaintext"]}}

    def expected_writing(self):
        if self.keys["form"] == "text":
            return self.body.decode("ascii")
        return to_text(self.envelopes()[0])


def flipped(raw, at, bit):
    return replaced(raw, at, raw[at] ^ 1 << bit)


def replaced(raw, at, value):
    return raw[:at] + bytes([value]) + raw[at + 1:]
