"""Verifies what approvers signed about a request, with code of its own (spec/approvals.md).

    verify_approval.py SHOWN VKEYS ...

SHOWN is what `medseal approval show ID --json` printed, each VKEYS what an approver's `medseal approval key
create` printed and keeps. Exit code 0 and who approved what, or 1 and what is wrong. Notes and CBOR are read by
`verify_audit.py`, which lies beside this file.
"""

import base64
import hashlib
import json
import re
import sys
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA87PublicKey

from verify_audit import ED25519, ML_DSA_87, Cbor, Refused, need

NAME = r"medseal/approver/([0-9a-f]{16})"
FORM = (
    "medseal/approval/v1\nstore ([0-9a-f-]{36})\nrequest ([0-9a-f]{32})\ndigest ([0-9a-f]{64})\n"
    "verdict (approve|deny)\napprover ([0-9a-f]{16})\nkeys ([0-9a-f]{8}),([0-9a-f]{8})\n"
)


class Reader(Cbor):
    """A request: maps with ascending members, arrays, texts, bytes and numbers."""

    def bytes(self, length):
        value = self.take(self.head(2))
        need(len(value) == length, "request", "length of bytes")
        return value

    def string(self):
        return self.take(self.head(3)).decode("utf-8")

    def number(self):
        return -1 - self.head(1) if self.data[self.at] >> 5 == 1 else self.head(0)

    def list(self, item):
        return [item() for _ in range(self.head(4))]

    def row(self, *items):
        need(self.head(4) == len(items), "request", "length of a row")
        return tuple(item() for item in items)

    def members(self, readers):
        found, last = {}, -1
        for _ in range(self.head(5)):
            member = self.head(0)
            need(member > last and member in readers, "request", "order of members")
            found[member], last = readers[member](), member
        return found

    def act(self):
        text = self.string
        return self.members({
            0: text, 1: text, 2: lambda: self.bytes(8),
            3: lambda: self.list(lambda: self.row(text, text)),
            4: lambda: self.list(lambda: self.row(text, text, text)),
        })

    def request(self):
        eligible = lambda: self.row(lambda: self.bytes(8).hex(), lambda: self.bytes(32).hex())
        return self.members({
            0: self.number, 1: lambda: self.bytes(16).hex(), 2: self.string, 3: lambda: self.bytes(8),
            4: self.number, 5: self.string, 6: self.number, 7: self.number, 8: self.number, 9: self.number,
            10: lambda: self.list(eligible), 11: self.string, 12: self.act,
        })


class Approver:
    def __init__(self, text):
        parts = [re.fullmatch(rf"({NAME})\+([0-9a-f]{{8}})\+(\S+)", line) for line in text.splitlines()]
        need(len(parts) == 2 and all(parts) and parts[0][1] == parts[1][1], "keys", "not an approver's")
        self.name, self.principal = parts[0][1], parts[0][2]
        raw = [base64.b64decode(part[4], validate=True) for part in parts]
        need(raw[0].startswith(ED25519) and raw[1].startswith(ML_DSA_87), "keys", "of another kind")
        hashed = [hashlib.sha256(self.name.encode() + b"\n" + key).digest()[:4] for key in raw]
        need([kid.hex() for kid in hashed] == [part[3] for part in parts], "keys", "another key id")
        self.ids = hashed
        first, second = raw[0][len(ED25519) :], raw[1][len(ML_DSA_87) :]
        self.keys = Ed25519PublicKey.from_public_bytes(first), MLDSA87PublicKey.from_public_bytes(second)
        self.key = hashlib.sha256(b"medseal/v1/approver-key\0" + first + second).hexdigest()

    def said(self, note):
        """The verdict of a statement on (store, request, digest) whose both signatures are good."""
        text, _, lines = note.rpartition("\n\n")
        found = re.fullmatch(FORM, text + "\n")
        need(found and found[5] == self.principal, "statement", "not of this approver")
        need(found[6] + found[7] == "".join(kid.hex() for kid in self.ids), "statement", "names other keys")
        for kid, key in zip(self.ids, self.keys):
            mine = [line.split(" ")[2] for line in lines.splitlines() if line.startswith(f"\u2014 {self.name} ")]
            raw = [base64.b64decode(line, validate=True) for line in mine]
            signed = [one[4:] for one in raw if one[:4] == kid]
            need(len(signed) == 1, "statement", "a signature is missing or stands twice")
            try:
                key.verify(signed[0], (text + "\n").encode())
            except InvalidSignature:
                raise Refused("statement: a signature is wrong") from None
        return found[1], found[2], found[3], found[4]


def verify(shown, approvers):
    data = base64.b64decode(shown["request"], validate=True)
    reader = Reader(data)
    request = reader.request()
    need(reader.at == len(data) and request[0] == 1 and request[9] > 0, "request", "not a request")
    digest = hashlib.sha256(b"medseal/v1/approval-request\0" + data).hexdigest()
    need(shown["digest"] == digest, "request", "another digest is shown")
    act = request[12]
    changes = [(c["what"], c["from"], c["to"]) for c in shown["changes"]]
    same = shown["operation"] == act[0] and shown["parameters"] == dict(act[3]) and changes == act[4]
    need(same, "request", "another act is shown")
    eligible, verdicts = dict(request[10]), {}
    for given in shown["verdicts"]:
        who = approvers.get(given["principal_id"])
        need(who, given["principal_id"], "its public keys were not given")
        need(eligible.get(who.principal) == who.key, who.principal, "was not eligible with this key")
        said = who.said(given["statement"])
        need(said[:3] == (request[2], request[1], digest), who.principal, "speaks of another request")
        verdicts[who.principal] = said[3]
    return request, verdicts


def main(arguments):
    try:
        shown, *vkeys = (Path(name).read_text() for name in arguments)
        approvers = {who.principal: who for who in map(Approver, vkeys)}
        request, verdicts = verify(json.loads(shown), approvers)
    except (Refused, ValueError, KeyError, IndexError, OSError) as refused:
        print(refused, file=sys.stderr)
        return 1
    approved = sorted(who for who, verdict in verdicts.items() if verdict == "approve")
    denied = sorted(set(verdicts) - set(approved))
    print(f"ok: {request[12][0]}, {len(approved)} of {request[9]} approved: {' '.join(approved)}")
    if denied:
        print(f"denied by {' '.join(denied)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
