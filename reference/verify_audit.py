"""Verifies an audit log with code of its own (spec/audit-log.md).

    verify_audit.py AUDIT_DIRECTORY VKEYS [CHECKPOINT ...]
    verify_audit.py --proof PROOF VKEYS

VKEYS is what `medseal audit key` printed; each further CHECKPOINT was kept elsewhere, and the log must
continue it. Exit code 0 and a summary, or 1 and the place. Needs the package `cryptography`, 48 or
newer, for Ed25519 and ML-DSA-87; hashing, CBOR, tree, notes and files are read here.
"""

import base64
import hashlib
import re
import struct
import sys
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA87PublicKey

ED25519, ML_DSA_87 = b"\x01", b"\xffmedseal/ml-dsa-87"
TEXTS = {6: 128, 7: 128, 8: 128, 13: 128, 19: 1024, 34: 128, 35: 128}
NUMBERS = {0, 1, 3, 4, 5, 9, 10, 11, 15, 18, 20, 28, 29, 41}
BYTES = {2: 16, 12: 32, 21: 32, 22: 32, 23: 32, 26: 32, 27: 32, 30: 32, 32: 8, 49: 16}
COMMON, NAME_LISTS, ID_LISTS = {0, 1, 2, 3, 4, 5}, (14, 16, 33, 36), {17: 8, 40: 16, 47: 8}
COUNT_LISTS = {46: 17, 48: 47}  # how many items are under each key version of another list
NEEDED = {0: {26, 27}, 1: {6, 7, 9, 10, 11, 12}, 2: {28}, 3: {29, 30}, 4: {10, 23}}
OPTIONAL = {1: {8, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 32, 33, 34, 35, 36, 40, 41, 46, 47, 48, 49}}


class Refused(Exception): """Its text is the place and what is wrong there."""


def need(holds, place, what):
    if not holds:
        raise Refused(f"{place}: {what}")


def valid(holds, what):
    if not holds:
        raise ValueError(what)


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


class Tree:  # RFC 6962: the roots of the perfect subtrees, largest first, each with its size
    def __init__(self):
        self.size, self.peaks = 0, []

    def add(self, entry):
        node, width = sha256(b"\0", entry), 1
        while self.peaks and self.peaks[-1][1] == width:
            node, width = sha256(b"\1", self.peaks.pop()[0], node), 2 * width
        self.peaks.append((node, width))
        self.size += 1

    def root(self):
        if not self.peaks:
            return sha256()
        node = self.peaks[-1][0]
        for peak, _ in self.peaks[-2::-1]:
            node = sha256(b"\1", peak, node)
        return node


class Cbor:  # deterministic, and of it only what an entry is made of
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, n):
        valid(self.at + n <= len(self.data), "cut short")
        self.at += n
        return self.data[self.at - n : self.at]

    def head(self, major):
        first = self.take(1)[0]
        valid(first >> 5 == major, "another type")
        if (small := first & 31) < 24:
            return small
        valid(small <= 27, "indefinite or reserved")
        value = int.from_bytes(self.take(1 << (small - 24)), "big")
        valid(value >= (24 if small == 24 else 1 << (8 << (small - 25))), "not the shortest number")
        return value

    def text(self, longest):
        raw = self.take(self.head(3))
        valid(1 <= len(raw) <= longest, "length of a text")
        return raw.decode("utf-8")

    def member(self, key):
        if key in NUMBERS:
            return self.head(0)
        if key in TEXTS:
            return self.text(TEXTS[key])
        if key in BYTES:
            value = self.take(self.head(2))
            valid(len(value) == BYTES[key], "length of bytes")
            return value
        if key in NAME_LISTS:
            items = [self.text(128) for _ in range(self.head(4))]
            order = [item.encode() for item in items]
        elif key in COUNT_LISTS:
            items = [self.head(0) for _ in range(self.head(4))]
            order = list(range(len(items)))
        else:
            valid(key in ID_LISTS, "unknown member")
            items = order = [self.take(self.head(2)) for _ in range(self.head(4))]
            valid(all(len(item) == ID_LISTS[key] for item in items), "length of an id")
        valid(1 <= len(items) <= 32 and order == sorted(set(order)), "order of a list")
        return items


def decode(data):
    reader, entry, last = Cbor(data), {}, -1
    for _ in range(reader.head(5)):
        key = reader.head(0)
        valid(key > last, "order of members")
        entry[key], last = reader.member(key), key
    kind = entry.get(1)
    valid(reader.at == len(data) and 1 <= len(data) <= 8192 and entry.get(0) == 1 and kind in NEEDED, "no entry")
    needed = COMMON | NEEDED[kind]
    valid(needed <= set(entry) <= needed | OPTIONAL.get(kind, set()), "members of another kind")
    whole = len({20, 21, 22} & set(entry)) in (0, 3) and (47 in entry) <= (48 in entry)
    valid(whole and 0 not in (entry.get(15), entry.get(18), entry.get(41)), "half a member")
    for counts, ids in ((entry[key], entry.get(of, [])) for key, of in COUNT_LISTS.items() if key in entry):
        valid(len(counts) == len(ids) and 0 not in counts and sum(counts) <= entry[11], "counts of items")
    valid(kind != 1 or entry[9] <= 1 and re.fullmatch("[a-z0-9-]+", entry[6]), "outcome or operation")
    names = [entry.get(k, "") for k in TEXTS if k != 19] + sum((entry.get(k, []) for k in NAME_LISTS), [])
    valid(not any(ord(c) < 32 or 127 <= ord(c) < 160 for name in names for c in name), "control character")
    return entry


class Keys:
    @staticmethod
    def id(name, kind, public):
        return sha256(name.encode(), b"\n", kind, public)[:4]

    def __init__(self, text):
        found = {}
        for line in text.split("\n"):
            parts = line.strip().split("+", 2)
            if len(parts) != 3:
                continue
            name, kid, raw = *parts[:2], base64.b64decode(parts[2], validate=True)
            for kind in (ED25519, ML_DSA_87):
                if raw.startswith(kind) and name.startswith("medseal/audit/"):
                    public = raw[len(kind) :]
                    need(kid == self.id(name, kind, public).hex(), "public key", "wrong id")
                    found[kind] = (name, public)
        need(len(found) == 2, "public key", "not the two keys of a log")
        (self.name, first), (other, second) = found[ED25519], found[ML_DSA_87]
        need(self.name == other, "public key", "keys of two logs")
        self.log = bytes.fromhex(self.name.rsplit("/", 1)[1])
        self.public = {ED25519: first, ML_DSA_87: second}
        self.ids = [self.id(self.name, kind, public) for kind, public in self.public.items()]

    def verify(self, note, place):
        """Size and root of a checkpoint whose two signatures hold."""
        text, ids, number = note.rpartition("\n\n")[0] + "\n", self.ids, "(0|[1-9][0-9]*)"
        form = re.fullmatch(
            f"{re.escape(self.name)}\n{number}\n([A-Za-z0-9+/]{{43}}=)\n"
            f"medseal/v1 keys={ids[0].hex()},{ids[1].hex()} time={number}\n", text
        )
        need(form, place, "not a checkpoint of this log")
        size, root = int(form[1]), base64.b64decode(form[2], validate=True)
        self.signatures(note, f"checkpoint of {size} entries")
        return size, root

    def signatures(self, note, place):
        text, blank, signatures = note.rpartition("\n\n")
        need(blank and signatures.endswith("\n"), place, "not a note")
        for kid, (kind, public), name in zip(self.ids, self.public.items(), ("Ed25519", "ML-DSA-87")):
            lines = [line.split(" ") for line in signatures[:-1].split("\n")]
            need(all(len(p) == 3 and p[0] == "\u2014" for p in lines), place, "not a note")
            own = [base64.b64decode(p[2], validate=True) for p in lines if p[1] == self.name]
            own = [raw[4:] for raw in own if raw[:4] == kid]
            need(len(own) == 1, place, f"the {name} signature is missing or stands twice")
            loaded = (Ed25519PublicKey if kind == ED25519 else MLDSA87PublicKey).from_public_bytes(public)
            try:
                loaded.verify(own[0], f"{text}\n".encode())
            except InvalidSignature:
                raise Refused(f"{place}: the {name} signature is wrong") from None


class Verifier:
    def __init__(self, keys, checkpoints, newest):
        self.keys, self.tree, self.newest = keys, Tree(), newest
        self.due = sorted(checkpoints)
        self.details, self.erased, self.state = 0, 0, None  # the newest epoch and root of the store in an entry

    def frame(self, data, details):
        index = self.tree.size
        place = f"entry {index}"
        try:
            entry = decode(data)
        except (ValueError, UnicodeDecodeError) as error:
            raise Refused(f"{place}: not an entry in canonical form ({error})") from None
        need((entry[2], entry[3]) == (self.keys.log, index), place, "another log or sequence number")
        need((entry[1] == 0) == (index == 0) and entry[5] <= index, place, "cannot stand here")
        need(entry[5] <= self.newest, place, "knows a newer checkpoint than the log has")
        if index == 0:
            boot = (self.keys.public[ED25519], sha256(self.keys.public[ML_DSA_87]))
            need((entry[26], entry[27]) == boot, place, "names other keys")
        if 23 in entry and (self.state is None or entry[10] > self.state[0]):
            self.state = (entry[10], entry[23])
        named = 23 in entry and (entry[10] < self.state[0] or entry[23] == self.state[1])
        need(named or 23 not in entry and (self.state is None or entry[1] != 1), place, "another state root")
        need(entry.get(20, 0) == len(details), place, "length of the details")
        if details:
            present = sha256(details) == entry[21]
            need(present or not any(details), place, "the details are not those of the entry")
            self.details, self.erased = self.details + present, self.erased + (not present)
        self.tree.add(data)
        while self.due and self.due[0][0] <= self.tree.size:
            size, root = self.due.pop(0)
            same = (size, root) == (self.tree.size, self.tree.root())
            need(same, f"checkpoint of {size} entries", "the entries do not have this root")

    def segment(self, path):
        data, at = path.read_bytes(), 0
        while at < len(data):
            place = f"{path.name}, byte {at}"
            need(at + 6 <= len(data), place, "no whole entry")
            length, details = struct.unpack_from(">HI", data, at)
            end = at + 6 + length + details
            need(length and end <= len(data), place, "no whole entry")
            self.frame(data[at + 6 : at + 6 + length], data[at + 6 + length : end])
            at = end


def verify(directory, keys, kept):
    need({p.name for p in directory.iterdir()} - {"index"} == {"checkpoint", "segments"}, directory, "files")
    found = list((directory / "segments").iterdir())
    logs, seals = sorted(p for p in found if p.suffix == ".log"), {p.stem for p in found if p.suffix == ".seal"}
    others = [p.name for p in found if p.suffix not in (".log", ".seal")]
    need(not others, "segments", f"unknown file {others[:1]}")
    need(all(re.fullmatch("[0-9]{20}", p.stem) for p in logs), "segments", "name of a segment")
    need({p.stem for p in logs[:-1]} <= seals <= {p.stem for p in logs}, "segments", "seals")
    newest = keys.verify((directory / "checkpoint").read_bytes().decode(), "checkpoint")
    checkpoints = [newest] + [keys.verify(note, "kept checkpoint") for note in kept]
    for log, following in zip(logs, logs[1:] + [None]):
        if log.stem in seals:
            seal = keys.verify(log.with_suffix(".seal").read_bytes().decode(), f"{log.stem}.seal")
            fits = seal[0] <= newest[0] and (following is None or seal[0] == int(following.stem))
            need(fits, f"{log.stem}.seal", "ends elsewhere, or is newer than the checkpoint")
            checkpoints.append(seal)
    verifier = Verifier(keys, checkpoints, newest[0])
    for log in logs:
        need(int(log.stem) == verifier.tree.size, f"segment {verifier.tree.size}", "missing")
        verifier.segment(log)
    need(not verifier.due, f"checkpoint of {verifier.due[:1]}", "the log has fewer entries than this")
    return f"ok: {verifier.tree.size} entries, {newest[0]} signed, {verifier.details} details, {verifier.erased} erased"


def verify_proof(text, keys):
    """C2SP tlog-proof: RFC 9162 section 2.1.3.2, with the entry as extra data."""
    head, _, note = text.partition("\n\n")
    lines = head.split("\n")
    form = re.fullmatch("extra ([A-Za-z0-9+/=]+)\nindex (0|[1-9][0-9]*)", "\n".join(lines[1:3]))
    need(lines[0] == "c2sp.org/tlog-proof@v1" and form, "proof", "not a proof")
    size, root = keys.verify(note, "proof")
    entry, index = base64.b64decode(form[1], validate=True), int(form[2])
    need(index < size, "proof", "an entry that the checkpoint does not cover")
    node, fn, sn = sha256(b"\0", entry), index, size - 1
    for step in (base64.b64decode(line, validate=True) for line in lines[3:]):
        need(sn > 0, "proof", "too long")
        if fn & 1 or fn == sn:
            node = sha256(b"\1", step, node)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            node = sha256(b"\1", node, step)
        fn, sn = fn >> 1, sn >> 1
    need(sn == 0 and node == root, "proof", "does not lead to the root")
    return f"ok: entry {decode(entry)[3]} of {size}"


def main(arguments):
    try:
        if arguments[:1] == ["--proof"]:
            proof, vkeys = (Path(name).read_bytes().decode() for name in arguments[1:3])
            print(verify_proof(proof, Keys(vkeys)))
        else:
            directory, vkeys, *kept = arguments
            notes = [Path(name).read_bytes().decode() for name in kept]
            print(verify(Path(directory), Keys(Path(vkeys).read_text()), notes))
    except (Refused, ValueError, OSError) as refused:
        print(refused, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
