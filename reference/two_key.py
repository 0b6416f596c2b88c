"""An AES-GCM ciphertext that opens under two keys.

GCM's tag commits to no key: for one nonce, two keys and a free block X, both tags are linear in X over
GF(2¹²⁸), so one equation makes them equal. The envelope's commitment is what refuses the second opening.
"""
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

REDUCTION = 0xE1 << 120
ONE = 1 << 127  # GCM numbers bits from the most significant one


def multiply(x, y):
    product = 0
    for i in range(127, -1, -1):
        product ^= y if x >> i & 1 else 0
        y = y >> 1 ^ (REDUCTION if y & 1 else 0)
    return product


def power(x, n):
    result = ONE
    while n:
        result, x, n = multiply(result, x) if n & 1 else result, multiply(x, x), n >> 1
    return result


def inverse(x):
    return power(x, (1 << 128) - 2)


def block(key, raw):
    encryptor = Cipher(algorithms.AES(key), modes.ECB()).encryptor()
    return int.from_bytes(encryptor.update(raw), "big")


def key_stream(key, nonce):
    return block(key, nonce + b"\0\0\0\2").to_bytes(16, "big")


def tag_without_free_block(key, nonce, aad, first):
    """The part of the tag that X does not touch, for one AAD block and the ciphertext `first ‖ X`."""
    h = block(key, bytes(16))
    lengths = int.from_bytes((8 * len(aad)).to_bytes(8, "big") + (8 * 32).to_bytes(8, "big"), "big")
    terms = ((int.from_bytes(aad.ljust(16, b"\0"), "big"), 4), (int.from_bytes(first, "big"), 3), (lengths, 1))
    tag = block(key, nonce + b"\0\0\0\1")
    for value, exponent in terms:
        tag ^= multiply(value, power(h, exponent))
    return tag, power(h, 2)


def ciphertext(key_a, key_b, nonce, aad, first):
    """`first ‖ X ‖ tag`, valid under both keys."""
    (a, h2_a), (b, h2_b) = (tag_without_free_block(key, nonce, aad, first) for key in (key_a, key_b))
    x = multiply(a ^ b, inverse(h2_a ^ h2_b))
    return first + x.to_bytes(16, "big") + (a ^ multiply(x, h2_a)).to_bytes(16, "big")
