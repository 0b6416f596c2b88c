"""Verifies an export of the audit log (spec/audit-log.md, Export) with code of its own.

    verify_export.py DIRECTORY VKEYS

VKEYS is what `medseal audit key` printed. Files and their hashes are held against the manifest, the checkpoint
in it against the log's two public keys. The entries of an NDJSON export are decoded from their own bytes, shown
to be all entries of the range, none left out, and compared with what the line says beside them. Exit code 0 and a
summary, or 1 and what is wrong.
"""

import base64
import hashlib
import json
import sys
from datetime import datetime, timezone
from pathlib import Path

from verify_audit import Keys, Refused, decode, need, sha256

OUTCOMES = ("permitted", "denied")
# what a line says in words, by the member of the entry
MEMBERS = {
    6: "operation",
    7: "principal",
    8: "rule",
    11: "items",
    13: "tenant",
    14: "collections",
    16: "keys",
    19: "note",
    33: "more_rules",
    34: "purpose",
    35: "on_behalf_of",
    36: "alarms",
    46: "key_version_items",
    48: "carried_over_items",
}
IDS = {17: "key_version_ids", 47: "carried_over_to"}


def same_line(line, entry, place):
    """The words of a line are those of its entry."""
    time = datetime.fromtimestamp(entry[4], timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    need((line["index"], line["time"]) == (entry[3], time), place, "number or time is not that of the entry")
    if entry[1] != 1:
        return
    need(line["outcome"] == OUTCOMES[entry[9]], place, "outcome is not that of the entry")
    for member, name in MEMBERS.items():
        need(line.get(name) == entry.get(member), place, f"{name} is not that of the entry")
    for member, name in IDS.items():
        need(line.get(name) == ([i.hex() for i in entry[member]] if member in entry else None), place, name)


def root_of(first, end, inside, leaves, proof):
    """The root over leaves first to end, of which those in the range `inside` are known."""
    if end <= inside[0] or inside[1] <= first:
        return next(proof, b"")
    if end - first == 1:
        return leaves[first - inside[0]]
    middle = first + (1 << (end - first - 1).bit_length() - 1)
    left = root_of(first, middle, inside, leaves, proof)
    return sha256(b"\1", left, root_of(middle, end, inside, leaves, proof))


def verify_entries(path, manifest, keys, size, root):
    first, count = manifest["range"]["first"], manifest["range"]["entries"]
    leaves = []
    with path.open(encoding="utf-8") as lines:
        for index, text in enumerate(lines, first):
            place, line = f"entry {index}", json.loads(text)
            raw = base64.b64decode(line["bytes"], validate=True)
            entry = decode(raw)
            need((entry[2], entry[3]) == (keys.log, index), place, "another log or number")
            same_line(line, entry, place)
            leaves.append(sha256(b"\0", raw))
    need(len(leaves) == count and first + count <= size, path.name, "has other entries than the manifest says")
    proof = iter([base64.b64decode(text, validate=True) for text in manifest["range_proof"]])
    found = root_of(0, size, (first, first + count), leaves, proof)
    need(found == root and next(proof, None) is None, path.name, "its entries are not those of the checkpoint")


def verify(directory, keys):
    manifest = json.loads((directory / "manifest.json").read_text(encoding="utf-8"))
    need(manifest["format"] == "medseal-audit-export-v1", "manifest", "another format")
    names = {file["name"] for file in manifest["files"]}
    need({path.name for path in directory.iterdir()} == names | {"manifest.json"}, directory, "files")
    for file in manifest["files"]:
        data = (directory / file["name"]).read_bytes()
        same = (len(data), hashlib.sha256(data).hexdigest()) == (file["bytes"], file["sha256"])
        need(same, file["name"], "not the bytes that the manifest names")
    note = (directory / "checkpoint").read_text(encoding="utf-8")
    need(note == manifest["checkpoint"], "manifest", "another checkpoint than in its file")
    size, root = keys.verify(note, "checkpoint")
    said = (manifest["size"], base64.b64decode(manifest["root"]), manifest["log"])
    need(said == (size, root, keys.log.hex()), "manifest", "size, root or log is not that of the checkpoint")
    count = manifest["range"]["entries"]
    if manifest["form"] != "ndjson":
        return f"ok: {count} entries as {manifest['form']}; files and checkpoint verified, not the entries"
    verify_entries(directory / "entries.ndjson", manifest, keys, size, root)
    return f"ok: {count} entries from {manifest['range']['first']} on, whole, of a log of {size}"


def main(arguments):
    if len(arguments) != 2:
        print(__doc__.split("\n\n")[1].strip(), file=sys.stderr)
        return 2
    try:
        print(verify(Path(arguments[0]), Keys(Path(arguments[1]).read_text(encoding="utf-8"))))
    except (Refused, ValueError, KeyError, TypeError, OSError) as refused:
        print(str(refused) or type(refused).__name__, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
