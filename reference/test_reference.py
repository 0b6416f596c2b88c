"""Tests of the reference: `python3 reference/test_reference.py`.

The oracles stand outside the code under test: the worked example's literal bytes, and KBKDFHMAC of the
`cryptography` package for every derived key.
"""
import json
import subprocess
import sys
import unittest
from hashlib import sha256
from itertools import product
from pathlib import Path

from cryptography.cobblestone import Cobblestone256Encryptor
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.kbkdf import CounterLocation, KBKDFHMAC, Mode

import generate_vectors
from medseal_reference import (
    Refused, answer_decrypt, bucket, decrypt, derive_k_field, encode_context, from_text, kdf, lp, to_text, u32,
)
from medseal_secret import encode_secret_context, open_secret, row_mac_key, seal_secret, wrap_key
from medseal_state import leaf_key, root_over, row_mac
from medseal_stream import derive_k_stream, frame, header, open_session, open_stream, seal_stream
from medseal_writer import answer_encrypt, encrypt, seal
from scenarios_stream import pattern
from vector_file import Vector

HERE = Path(__file__).resolve().parent
K_FIELD = "0f1bf47ccaa5a4d1c1acc48fd3aaff68eeb572d5a4672237fb4433e35b1d397d"
WORKED_EXAMPLE = (
    "f801010a0102030405060708a0a1a2a3a4a5a6a7a8a9aaabc0c1c2c3c4c5c6c7c8c9cacb6d36aefe9f15ad848323f6b983fe04de"
    "ee9474597a3685f8d2c285034467a010def9aa0bcf9a16acdd049d4cf68986993d82baf7"
)
WORKED_CONTEXT = {
    "tenant": "clinic-7", "collection": "patient", "field": "name.family",
    "record": "018f3c2e-7b7a-7cc2-98ab-0123456789ab", "subject": "pat-1",
}
WORKED_REQUEST = dict(
    WORKED_CONTEXT, context=WORKED_CONTEXT, kek=bytes(range(32)).hex(), kvid="0102030405060708", s32="d0" * 32, suite=1, flags=10,
)
SAMPLES = {1: "Østby", 2: "\0ÿ", 3: "-42", 4: "0.50", 5: "\1", 6: "1999-12-31", 7: "1999-12-31T23:59:59+01:00", 8: "u" * 16, 9: '"x"'}


def library_kdf(key, label, context, length=32):
    return KBKDFHMAC(algorithm=hashes.SHA256(), mode=Mode.CounterMode, length=length, rlen=4, llen=4,
                     location=CounterLocation.BeforeFixed, label=label, context=context, fixed=None).derive(key)


def outcome(operation, *arguments):
    try:
        return {"ok": operation(*arguments)}
    except Refused as refused:
        return {"error": str(refused)}


def vectors(*folders):
    for folder in folders:
        for path in sorted((generate_vectors.VECTORS / folder).glob("*.txt")):
            yield f"{folder}/{path.stem}", Vector(path.read_bytes())


def field_vectors():
    return vectors("field", "compat/v1/field")


def command(script, requests):
    """Answers of a script's line protocol."""
    lines = "".join(json.dumps(request) + "\n" for request in requests)
    done = subprocess.run([sys.executable, HERE / script], input=lines, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


class Derivation(unittest.TestCase):
    def test_kdf_is_the_librarys(self):
        for length, context in product((16, 32, 44, 64, 96), (b"", b"\0", b"context" * 99)):
            key, label = bytes(range(32)), b"medseal/v1/field"
            self.assertEqual(kdf(key, label, context, length), library_kdf(key, label, context, length))

    def test_key_length_is_fixed(self):
        for length in (0, 16, 31, 33):
            self.assertEqual(outcome(kdf, bytes(length), b"medseal/v1/field", b""), {"error": "misuse"})

    def test_worked_k_field(self):
        self.assertEqual(derive_k_field(WORKED_REQUEST).hex(), K_FIELD)


class Envelope(unittest.TestCase):
    def test_worked_example_opens(self):
        opened = decrypt(bytes.fromhex(K_FIELD), bytes.fromhex(WORKED_EXAMPLE), WORKED_CONTEXT, 1, 10)
        self.assertEqual(opened, (1, b"Doe"))

    def test_worked_example_is_written(self):
        salt, nonce = bytes(range(0xA0, 0xAC)), bytes(range(0xC0, 0xCC))
        written = encrypt(bytes.fromhex(K_FIELD), bytes(range(1, 9)), WORKED_CONTEXT, 1, 1, b"Doe", salt=salt, nonce=nonce)
        self.assertEqual(written.hex(), WORKED_EXAMPLE)

    def test_round_trips(self):
        key, kvid, place = bytes(32), bytes(8), {"tenant": "t", "collection": "c", "field": "f"}
        for kind, suite, padded, record, extra in product(SAMPLES, (1, 3), (0, 1), (0, 1), ("", "subject", "token")):
            token = b"t" * 16 if extra == "token" else b""
            context = place | ({"record": "r"} if record else {}) | ({"subject": "s"} if extra == "subject" else {})
            value = SAMPLES[kind].encode("utf-8" if kind == 1 else "latin-1")
            envelope = encrypt(key, kvid, context, suite, kind, value, padded, token)
            flags = padded | record << 1 | bool(token) << 2 | (extra == "subject") << 3
            self.assertEqual(decrypt(key, envelope, context, suite, flags, kvid), (kind, value))
            self.assertEqual(from_text(to_text(envelope)), envelope)
            if not padded:
                self.assertEqual(len(envelope), (101 if token else 85) + len(value))

    def test_bucket_edges(self):
        edges = {5: 32, 32: 32, 33: 64, 64: 64, 65: 128, 2049: 4096, 4096: 4096, 4097: 8192, 8192: 8192, 8193: 12288}
        self.assertEqual({n: bucket(n) for n in edges}, edges)

    def test_padded_lengths_hide_the_value(self):
        key, place = bytes(32), {"tenant": "t", "collection": "c", "field": "f"}
        for length in (0, 1, 26, 27, 28, 59, 60, 4091, 4092, 8187, 8188):
            envelope = encrypt(key, bytes(8), place, 1, 2, b"x" * length, padded=True)
            self.assertEqual(len(envelope), 84 + bucket(5 + length))
            self.assertEqual(decrypt(key, envelope, place, 1, 1), (2, b"x" * length))

    def test_salt_and_nonce_are_fresh(self):
        key, place = bytes(32), {"tenant": "t", "collection": "c", "field": "f"}
        parts = {encrypt(key, bytes(8), place, 1, 1, b"")[at:at + 12] for _ in range(50) for at in (12, 24)}
        self.assertEqual(len(parts), 100)

    def test_writer_refuses_a_token_with_a_subject(self):
        request = (bytes(32), bytes(8), WORKED_CONTEXT, 1, 1, b"Doe", False, b"t" * 16)
        self.assertEqual(outcome(encrypt, *request), {"error": "misuse"})

    def test_pairs_of_an_object_have_no_order(self):
        place = {"tenant": "t", "collection": "c", "field": "f"}
        listed = encode_context(dict(place, pairs=[["a", "1"], ["b", "2"]]))
        self.assertEqual(encode_context(dict(place, pairs={"b": "2", "a": "1"})), listed)


class FieldVectors(unittest.TestCase):
    def test_each_envelope_of_each_scenario(self):
        for name, vector in field_vectors():
            for number, request in enumerate(vector.decrypt_requests()):
                self.assertEqual(outcome(answer_decrypt, request), vector.expected(), f"{name} #{number}")

    def test_writer_reproduces_every_accept(self):
        for name, vector in field_vectors():
            if vector.keys["expect"] == "success":
                self.assertEqual(answer_encrypt(vector.encrypt_request())["text"], vector.expected_writing(), name)

    def test_writer_refuses_impossible_contexts(self):
        for name, vector in field_vectors():
            if vector.keys["expect"] == "misuse":
                request = dict(vector.request(), value_type=1, value_hex="")
                self.assertEqual(outcome(answer_encrypt, request), {"error": "misuse"}, name)

    def test_commands(self):
        read = [vector for _, vector in field_vectors() if "each" not in vector.keys]
        answers = command("medseal_reference.py", [vector.decrypt_requests()[0] for vector in read])
        self.assertEqual(answers, [vector.expected() for vector in read])
        accepted = [vector for vector in read if vector.keys["expect"] == "success"]
        answers = command("medseal_writer.py", [vector.encrypt_request() for vector in accepted])
        self.assertEqual([answer["ok"]["text"] for answer in answers], [vector.expected_writing() for vector in accepted])

    def test_command_answers_bad_requests(self):
        self.assertEqual(command("medseal_reference.py", [{}, [], {"op": "encrypt"}, 1]), [{"error": "misuse"}] * 4)

    def test_two_key_ciphertext_is_one(self):
        """Without the commitment, one ciphertext opens in two cells: else its scenarios would prove nothing."""
        files = dict(field_vectors())
        first, second = files["field/accept-two-key-first"], files["field/accept-two-key-second"]
        bodies = [vector.envelopes()[0] for vector in (first, second)]
        self.assertEqual((bodies[0][:36], bodies[0][68:]), (bodies[1][:36], bodies[1][68:]))
        for vector, body in zip((first, second), bodies[::-1]):
            request = vector.decrypt_requests()[0]
            message = body[:24] + encode_context(request["context"])
            okm = library_kdf(derive_k_field(request), b"medseal/v1/field", message, 64)
            self.assertNotEqual(okm[:32], body[36:68])
            self.assertEqual(AESGCM(okm[32:]).decrypt(body[24:36], body[68:], body[:12])[0], 2)
            self.assertRaises(InvalidTag, AESGCM(okm[:32]).decrypt, body[24:36], body[68:], body[:12])


def secret_context(vector):
    names = {"store-id": "store_id", "table": "table", "purpose": "purpose"}
    texts = {name: vector.keys[key] for key, name in names.items()}
    return dict(texts, primary_key=vector.columns, version=int(vector.keys["version"]))


def secret_key(vector):
    month = int(vector.keys["month"])
    epoch_key = vector.raw("epoch-key") if month else b""
    return wrap_key(vector.raw("kwk"), month, epoch_key), int(vector.keys["kwk-version"]), month, secret_context(vector)


class SecretVectors(unittest.TestCase):
    def test_each_envelope_of_each_scenario(self):
        for name, vector in vectors("secret", "compat/v1/secret"):
            success = vector.keys["expect"] == "success"
            expected = {"ok": vector.raw("plaintext")} if success else {"error": vector.keys["expect"]}
            for number, envelope in enumerate(vector.envelopes()):
                self.assertEqual(outcome(open_secret, *secret_key(vector), envelope), expected, f"{name} #{number}")

    def test_writer_reproduces_every_accept(self):
        for name, vector in vectors("secret", "compat/v1/secret"):
            if vector.keys["expect"] == "success":
                given = (vector.raw(key) for key in ("plaintext", "salt", "nonce"))
                self.assertEqual(seal_secret(*secret_key(vector), *given), vector.envelopes()[0], name)


def stream_frame(vector):
    if "frame-seq" not in vector.keys:
        return None
    session = vector.raw("frame-session") if "frame-session" in vector.keys else None
    return int(vector.keys["frame-seq"]), vector.keys["frame-final"] == "1", session


def stream_request(vector):
    vector.keys.setdefault("required-suite", "01")
    return vector.request()


def stream_bodies(name, vector, files):
    if "body-of" in vector.keys:
        return vector.changes_of(files[name.partition("/")[0] + "/" + vector.keys["body-of"]].envelopes()[0])
    return vector.envelopes()


def stream_content(vector):
    if "plaintext-pattern" in vector.keys:
        return pattern(int(vector.keys["plaintext-pattern"]))
    return vector.raw("plaintext")


class StreamVectors(unittest.TestCase):
    """The reader leaves bodies to the package's Cobblestone-256."""

    def test_each_stream_of_each_scenario(self):
        files = dict(vectors("stream", "compat/v1/stream"))
        for name, vector in files.items():
            success = vector.keys["expect"] == "success"
            for number, stream in enumerate(stream_bodies(name, vector, files)):
                found = outcome(open_stream, stream_request(vector), stream, stream_frame(vector))
                expected = {"ok": (vector.keys["metadata"].encode(), stream_content(vector))} if success else {"error": vector.keys["expect"]}
                self.assertEqual(found, expected, f"{name} #{number}")

    def test_a_body_of_the_package_opens(self):
        """The other direction: the package encrypts, with a salt of its own."""
        vector = dict(vectors("stream"))["stream/accept-no-record"]
        stream, request = vector.envelopes()[0], stream_request(vector)
        m = int.from_bytes(stream[12:16], "big")
        input_key = library_kdf(derive_k_stream(request), b"medseal/v1/stream", stream[:12])
        context = b"medseal/v1/stream\0" + stream[:12] + sha256(stream[16:16 + m]).digest() + encode_context(request["context"])
        encryptor = Cobblestone256Encryptor(input_key, context)
        body = encryptor.update(b"hello") + encryptor.finalize()
        self.assertEqual(open_stream(request, stream[:16 + m] + body)[1], b"hello")
        # with the package's salt the writer here makes the very same bytes, so what opens one opens the other
        for content in (b"", b"hello", pattern(16384), pattern(40000)):
            encryptor = Cobblestone256Encryptor(input_key, context)
            body = encryptor.update(content) + encryptor.finalize()
            ours = seal_stream(derive_k_stream(request), stream[:12], stream[16:16 + m], body[:24], encode_context(request["context"]), content)
            self.assertEqual(ours, stream[:16 + m] + body)

    def test_sessions(self):
        vector = dict(vectors("stream"))["stream/accept-record"]
        request, ours, salts = stream_request(vector), [], []
        key, kvid = derive_k_stream(request), bytes.fromhex(request["kvid"])
        for seq, content in enumerate((b"a", b"b", b"c")):
            pairs = [["final", str(int(seq == 2))], ["seq", str(seq)]] + ([["session", salts[0].hex()]] if seq else [])
            context = dict(request["context"], pairs=pairs)
            described = encode_context(dict(context, pairs=sorted([*pairs, ["part", "meta"]])))
            metadata = seal(derive_k_field(request), b"\xf8\x01\x01\x02" + kvid, b"", bytes(12), bytes(12), described, b"\x09{}")
            salts.append(bytes([seq]) * 24)
            ours.append(frame(seq == 2, seal_stream(key, header(2, kvid), metadata, salts[-1], encode_context(context), content)))
        self.assertEqual([content for _, content in open_session(request, b"".join(ours))], [b"a", b"b", b"c"])
        wrong = {"dropped": (ours[0] + ours[2], "rejected"), "swapped": (ours[1] + ours[0] + ours[2], "rejected"), "cut": (ours[0] + ours[1], "malformed"),
                 "repeated": (ours[0] + ours[1] + ours[1] + ours[2], "rejected"), "behind": (b"".join(ours) + ours[1], "malformed")}
        for name, (session, failure) in wrong.items():
            self.assertEqual(outcome(open_session, request, session), {"error": failure}, name)


def text_of(vector, key):
    return lp(vector.keys[key].encode())


def place_of(vector):
    return text_of(vector, "collection") + text_of(vector, "field")


def below_dek(vector, label, context):
    dek = library_kdf(vector.raw("kek"), label, vector.raw("key-version-id") + text_of(vector, "tenant") + context)
    k_field, k_stream = (library_kdf(dek, label, place_of(vector)) for label in (b"medseal/v1/k-field", b"medseal/v1/k-stream"))
    return {"dek": dek, "k-field": k_field, "k-stream": k_stream}


def message_keys(vector):
    message = vector.raw("header") + vector.raw("salt") + vector.raw("ctx")
    okm = library_kdf(vector.raw("k-field"), b"medseal/v1/field", message, 64)
    return {"commitment": okm[:32], "aead-key": okm[32:]}


def plain_kdf(vector):
    return {"output": library_kdf(vector.raw("key"), vector.keys["label"].encode(), vector.raw("context"), int(vector.keys["length"]))}


def library_wrap_key(vector):
    epoch_key = vector.raw("epoch-key") if "epoch-key" in vector.keys else b""
    return {"wrap-key": library_kdf(vector.raw("kwk"), b"medseal/v1/wrap-key", u32(int(vector.keys["month"])) + epoch_key)}


DERIVED = {
    "kdf": plain_kdf,
    "tenant": lambda v: below_dek(v, b"medseal/v1/dek-tenant", b""),
    "subject": lambda v: below_dek(v, b"medseal/v1/dek-subject", text_of(v, "subject") + v.raw("subject-secret")),
    "context": lambda v: {"ctx": encode_context(v.context())},
    "message": message_keys,
    "wrap-key": library_wrap_key,
    "row-mac": lambda v: {"row-mac-key": library_kdf(v.raw("kwk"), b"medseal/v1/row-mac", text_of(v, "store-id"))},
    "secret-context": lambda v: {"ctx": encode_secret_context(secret_context(v))},
}


class DerivationVectors(unittest.TestCase):
    def test_each_answer(self):
        for name, vector in vectors("derivation", "compat/v1/derivation"):
            for key, answer in DERIVED[vector.keys["derive"]](vector).items():
                self.assertEqual(vector.raw(key), answer, f"{name} {key}")


class StateRoot(unittest.TestCase):
    def test_worked_vector(self):
        spec = (HERE.parent / "spec" / "state-root.md").read_text()
        rows = [("keys", ["default", "phi"], 1, 0xA1), ("key_versions", ["default", "phi", "0000000001"], 2, 0xB1),
                ("key_versions", ["default", "phi", "0000000002"], 2, 0xB2), ("root", ["root"], 0, 0xC1)]
        leaves = [(leaf_key(table, key, group), bytes([mac]) * 32) for table, key, group, mac in rows]
        for leaf, _ in leaves:
            self.assertIn(leaf.hex(), spec)
        root = root_over(leaves)
        key = row_mac_key(bytes([15]) * 32, "018f3c2e-7b7a-4cc2-98ab-0123456789ab")
        mac = row_mac(key, "store_state", ["state"], 7, [root])
        for name, value in ("empty", root_over([])), ("root", root), ("mac", mac):
            self.assertIn(f"{name:8} {value.hex()}", spec)


class Files(unittest.TestCase):
    def test_files_are_the_generators(self):
        generated, present = generate_vectors.generated(), generate_vectors.on_disk()
        self.assertEqual(present.keys(), generated.keys())
        for name, data in generated.items():
            self.assertEqual(present[name], data, name)

    def test_scenario_is_the_file_name(self):
        for name, vector in vectors("field", "secret", "derivation", "stream"):
            self.assertEqual(vector.keys["scenario"], name.partition("/")[2])

    def test_every_key_is_described(self):
        described = (generate_vectors.VECTORS / "README.md").read_text()
        for name, vector in vectors("field", "secret", "derivation", "stream"):
            for key in vector.keys:
                self.assertIn(f"`{key}`", described, name)

    def test_three_refusals_for_each_accept(self):
        for folder in ("field", "secret", "stream"):
            expected = [vector.keys["expect"] for _, vector in vectors(folder)]
            self.assertGreaterEqual(len(expected), 4 * expected.count("success"))

    def test_decryptor_stays_short(self):
        self.assertLessEqual(len((HERE / "medseal_reference.py").read_text().splitlines()), 80)


if __name__ == "__main__":
    unittest.main()
