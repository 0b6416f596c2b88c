"""Brings the shares of an escrow together, by spec/escrow.md alone.

    python3 escrow.py SHARE PASSPHRASE_FILE SHARE PASSPHRASE_FILE …      prints the KWK in hexadecimal

It shares no code with Medseal. Whoever runs this on real shares has the store's key on a terminal.
"""

import base64
import hmac
import sys
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id


def lp(value: bytes) -> bytes:
    return len(value).to_bytes(4, "big") + value


def kdf(key: bytes, label: str, context: bytes, length: int) -> bytes:
    fixed = label.encode() + b"\0" + context + (8 * length).to_bytes(4, "big")
    blocks = (hmac.digest(key, i.to_bytes(4, "big") + fixed, "sha256") for i in range(1, length // 32 + 1))
    return b"".join(blocks)


def times(a: int, b: int) -> int:
    product = 0
    while b:
        if b & 1:
            product ^= a
        a = (a << 1) ^ (0x11B if a & 0x80 else 0)
        b >>= 1
    return product


def divided(a: int, b: int) -> int:
    return next(times(a, i) for i in range(1, 256) if times(b, i) == 1)


def unwrap(root: bytes, context: bytes, sealed: bytes) -> bytes:
    """A stored secret of KWK version 0 and month 0 (spec/envelope.md)."""
    header, salt, nonce, commitment, ciphertext = sealed[:12], sealed[12:24], sealed[24:36], sealed[36:68], sealed[68:]
    assert header == bytes([0xF8, 0x04, 0x01, 0x00]) + bytes(8), "not a sealed share"
    wrap_key = kdf(root, "medseal/v1/wrap-key", bytes(4), 32)
    okm = kdf(wrap_key, "medseal/v1/field", header + salt + context, 64)
    if not hmac.compare_digest(okm[:32], commitment):
        raise SystemExit("rejected: another passphrase, or an altered share")
    plaintext = AESGCM(okm[32:]).decrypt(nonce, ciphertext, header)
    assert plaintext[0] == 2, "not bytes"
    return plaintext[1:]


def opened(path: str, passphrase_path: str) -> tuple[dict[str, str], int, int, bytes]:
    lines = Path(path).read_bytes().decode().splitlines(keepends=True)
    assert len(lines) == 8 and lines[0] == "medseal escrow share v1\n", "not a share"
    fields = dict(line.rstrip("\n").split(" ", 1) for line in lines[1:])
    index, _, _, _, needed = fields["share"].split(" ")
    *how, sealed = fields["sealed"].split(" ")
    name, *parameters = how
    assert name == "argon2id", "this program knows Argon2id alone"
    cost = dict(parameter.split("=") for parameter in parameters)
    root = Argon2id(
        salt=bytes.fromhex(cost["salt"]), length=32, iterations=int(cost["t"]),
        lanes=int(cost["p"]), memory_cost=int(cost["m"]),
    ).derive(Path(passphrase_path).read_bytes().rstrip(b"\n"))
    header = "".join(lines[1:7]).encode()
    tags = [
        (0x10, fields["store"].encode()), (0x11, b"escrow_shares"), (0x12, header),
        (0x13, int(fields["kwk"]).to_bytes(8, "big")), (0x14, b"escrow-share"),
    ]
    context = bytes([5]) + b"".join(bytes([tag]) + lp(value) for tag, value in tags)
    return fields, int(index), int(needed), unwrap(root, context, base64.b64decode(sealed))


def main() -> None:
    arguments = sys.argv[1:]
    shares = [opened(path, passphrase) for path, passphrase in zip(arguments[::2], arguments[1::2])]
    fields, needed = shares[0][0], shares[0][2]
    points = {index: values for _, index, _, values in shares}
    assert len(points) >= needed, f"{needed} shares are needed"
    kwk = bytearray(32)
    for x, values in points.items():
        coefficient = 1
        for other in points:
            if other != x:
                coefficient = times(coefficient, divided(other, other ^ x))
        for at, value in enumerate(values):
            kwk[at] ^= times(coefficient, value)
    context = lp(fields["store"].encode()) + bytes.fromhex(fields["set"])
    if kdf(bytes(kwk), "medseal/v1/escrow-check", context, 32).hex() != fields["check"]:
        raise SystemExit("rejected: these shares do not come together to the key that was split")
    print(kwk.hex())


if __name__ == "__main__":
    main()
