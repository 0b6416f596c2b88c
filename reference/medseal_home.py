"""Reads every key of an embedded home whose root is a key file: `python3 reference/medseal_home.py HOME` prints them
as JSON, for tests. What it needs is what a thief needs: `root.key`, `store.sqlite` and `epochs/`.

Rows are not authenticated here; each secret opens in its own row alone, which is the same question for keys.
"""
import hmac
import json
import sqlite3
import sys
from pathlib import Path

from medseal_reference import kdf, lp_text
from medseal_secret import open_secret, wrap_key

KWK_VERSION = 1


def secret_of_file(path, first_line):
    lines = path.read_text(encoding="ascii").split("\n")
    assert len(lines) == 3 and lines[0] == first_line and lines[2] == "", f"{path.name} is not a key file"
    return bytes.fromhex(lines[1])


def epoch_keys(directory):
    """By the number YYYYMM."""
    files = sorted(directory.glob("????-??.key"))
    return {int(path.stem.replace("-", "")): secret_of_file(path, "medseal-epoch-v1") for path in files}


def place(store_id, table, primary_key, version, purpose):
    return {"store_id": store_id, "table": table, "primary_key": primary_key, "version": version, "purpose": purpose}


def unwrap_home(home):
    store = sqlite3.connect(f"file:{home / 'store.sqlite'}?mode=ro", uri=True)
    root, epochs = secret_of_file(home / "root.key", "medseal-root-v1"), epoch_keys(home / "epochs")
    (store_id,) = store.execute("SELECT store_id FROM store_state").fetchone()
    wrapped, version = store.execute("SELECT wrapped_kwk, row_version FROM root").fetchone()
    kwk = open_secret(wrap_key(root, 0), 0, 0, place(store_id, "root", ["root"], version, "kwk"), wrapped)
    keks = {}
    for kvid, month, secret, version in store.execute("SELECT key_version_id, month, secret, row_version FROM key_secrets"):
        where = place(store_id, "key_secrets", [kvid], version, "kek")
        keks[kvid] = open_secret(wrap_key(kwk, month, epochs[month]), KWK_VERSION, month, where, secret)
    subjects = {}
    rows = "SELECT tenant, handle, month, secret, row_version FROM subjects"
    for tenant, handle, month, secret, version in store.execute(rows):
        where = place(store_id, "subjects", [tenant, handle], version, "subject")
        opened = open_secret(wrap_key(kwk, month, epochs[month]), KWK_VERSION, month, where, secret)
        subject = opened[64:].decode()
        key = kdf(kwk, b"medseal/v1/subject-handle", lp_text(store_id) + lp_text(tenant))
        assert hmac.digest(key, subject.encode(), "sha256")[:16].hex() == handle, "the handle of another subject"
        subjects[subject] = {"s32": opened[:32].hex(), "a32": opened[32:64].hex()}
    store.close()
    return root, kwk, epochs, keks, subjects


def main(home):
    root, kwk, epochs, keks, subjects = unwrap_home(Path(home))
    in_hex = [{str(name): key.hex() for name, key in keys.items()} for keys in (epochs, keks)]
    named = {"root": root.hex(), "kwk": kwk.hex(), "epochs": in_hex[0], "keks": in_hex[1]}
    print(json.dumps(named | {"subjects": subjects}))


if __name__ == "__main__":
    main(sys.argv[1])
