"""Recomputes the state root of a home from its rows (spec/state-root.md): `python3 reference/medseal_state.py HOME` prints
epoch, root and how many rows there are as JSON, or says on standard error what is wrong and ends with 1.

Every row's MAC is computed from its columns, so nothing that the store says of itself is believed.
"""
import hashlib
import hmac
import json
import sqlite3
import sys
from pathlib import Path

from medseal_home import unwrap_home
from medseal_reference import lp
from medseal_secret import row_mac_key

# table: columns of the primary key, and how many of the first are the group
INSIDE = {"root": (1, 0), "keys": (2, 1), "key_versions": (3, 2), "key_secrets": (1, 1), "field_definitions": (3, 1),
          "audit_logs": (1, 0), "principals": (1, 0), "role_grants": (2, 0), "access_tokens": (1, 0),
          "policies": (1, 0), "break_glass": (1, 0), "subject_tombstones": (2, 1), "subject_holds": (3, 2),
          "approver_keys": (1, 0), "approval_requests": (1, 0), "approvals": (2, 1)}


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def joined(columns):
    return b"".join(lp(column.encode()) for column in columns)


def leaf_key(table, key, group):
    def place(columns):
        return sha256(lp(table.encode()), lp(joined(columns)))

    return sha256(lp(table.encode()))[:4] + place(key[:group])[:12] + place(key)[:16]


def root_over(leaves):
    """`leaves` is a list of leaf key and row MAC."""
    def bucket(number):
        own = sorted(leaf for leaf in leaves if leaf[0][4] == number)
        return sha256(b"medseal/v1/state-bucket\0", bytes([number]), *(part for leaf in own for part in leaf))

    return sha256(b"medseal/v1/state-root\0", *(bucket(number) for number in range(256)))


def head(major, n):
    if n < 24:
        return bytes([major << 5 | n])
    size = next(size for size in (1, 2, 4, 8) if n < 1 << 8 * size)
    return bytes([major << 5 | 23 + size.bit_length()]) + n.to_bytes(size, "big")


def cbor(value):
    if value is None:
        return b"\xf6"
    if isinstance(value, int):
        return head(0, value) if value >= 0 else head(1, -1 - value)
    raw = value.encode() if isinstance(value, str) else value
    return head(3 if isinstance(value, str) else 2, len(raw)) + raw


def row_mac(key, table, primary_key, version, columns):
    row = head(4, len(columns)) + b"".join(map(cbor, columns))
    return hmac.digest(key, lp(table.encode()) + lp(joined(primary_key)) + version.to_bytes(8, "big") + row, "sha256")


def leaves_of(store, key):
    leaves = []
    for table, (key_columns, group) in INSIDE.items():
        for *columns, version, mac in store.execute(f"SELECT * FROM {table}"):
            primary_key = columns[:key_columns]
            if mac != row_mac(key, table, primary_key, version, columns):
                raise ValueError(f"{table}/{'/'.join(primary_key)}: the row has another MAC")
            leaves.append((leaf_key(table, primary_key, group), mac))
    return leaves


def state_of(home):
    _, kwk, _, _, _ = unwrap_home(home)
    store = sqlite3.connect(f"file:{home / 'store.sqlite'}?mode=ro", uri=True)
    columns = "store_id, epoch, state_root, state_mac"
    store_id, epoch, stated, mac = store.execute(f"SELECT {columns} FROM store_state").fetchone()
    key = row_mac_key(kwk, store_id)
    leaves = leaves_of(store, key)
    root = root_over(leaves)
    if stated != root:
        raise ValueError("the rows have another root than the store says")
    if mac != row_mac(key, "store_state", ["state"], epoch, [root]):
        raise ValueError("epoch and root have another MAC")
    return {"epoch": epoch, "root": root.hex(), "rows": len(leaves)}


if __name__ == "__main__":
    try:
        print(json.dumps(state_of(Path(sys.argv[1]))))
    except ValueError as wrong:
        sys.exit(str(wrong))
