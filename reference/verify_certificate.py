"""Verifies a certificate of erasure (spec/erasure-certificate.md): its form and its two signatures.

    verify_certificate.py CERTIFICATE VKEYS

VKEYS is what `medseal audit key` printed. Notes and keys are read by `verify_audit.py`, which lies beside
this file. Exit code 0 and what it says, or 1 and what is wrong.
"""

import re
import sys
from datetime import UTC, datetime
from pathlib import Path

from verify_audit import Keys, Refused, need

TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
LINES = {
    "certificate": "[0-9a-f]{32}",
    "log": "[0-9a-f]{32}",
    "store": UUID,
    "tenant": "[^\x00-\x1f\x7f-\x9f]+",
    "subject": "[0-9a-f]{32}",
    "live": TIME,
    "complete": f"{TIME}|never",
    "principal": "[^\x00-\x1f\x7f-\x9f]+",
    "entry": "[0-9a-f]{64}",
    "pseudonyms": "0|[1-9][0-9]*",
    "not-covered": "tenant-keys leased-keys plaintext-copies pseudonyms-in-copies copies-of-epoch-keys",
    "reason": "[^\x00-\x1f\x7f-\x9f]{1,1024}",
    "keys": "[0-9a-f]{8},[0-9a-f]{8}",
}


def verify(note, keys):
    """What a certificate says, by the names of its lines."""
    text = note.rpartition("\n\n")[0] + "\n"
    form = "medseal/erasure-certificate/v1\n" + "".join(f"{name} ({what})\n" for name, what in LINES.items())
    found = re.fullmatch(form, text)
    need(found, "certificate", "not a certificate")
    said = dict(zip(LINES, found.groups()))
    need(said["log"] == keys.log.hex(), "certificate", "of another log")
    need(said["keys"] == ",".join(kid.hex() for kid in keys.ids), "certificate", "names other keys")
    keys.signatures(note, "certificate")
    return said


def main(arguments):
    try:
        note, vkeys = (Path(name).read_bytes().decode() for name in arguments)
        said = verify(note, Keys(vkeys))
    except (Refused, ValueError, OSError) as refused:
        print(refused, file=sys.stderr)
        return 1
    done = said["complete"] != "never" and datetime.fromisoformat(said["complete"]) <= datetime.now(UTC)
    print(f"ok: subject {said['subject']} erased; live {said['live']}, complete {said['complete']}")
    print("copies of the store open nothing of it" if done else "copies of the store still open it")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
