"""Writes vectors/: `python3 reference/generate_vectors.py`. Deterministic; a published compat file is never rewritten."""
import sys
from pathlib import Path

from scenarios_derivation import derivation_files
from scenarios_field import field_files
from scenarios_secret import secret_files
from scenarios_stream import stream_files

VECTORS = Path(__file__).resolve().parent.parent / "vectors"
# Append only. A name that stands here once stays, and so do its bytes.
COMPAT = {
    "field": [
        "accept-worked-example", "accept-worked-example-chacha20-poly1305", "accept-value-string", "accept-value-bytes", "accept-value-integer", "accept-value-decimal",
        "accept-value-boolean", "accept-value-date", "accept-value-datetime", "accept-value-uuid", "accept-value-json",
        "accept-suite-chacha20-poly1305", "accept-padded-0028", "accept-no-record", "accept-subject-only", "accept-token",
        "accept-row-version", "accept-pairs", "accept-text", "accept-text-token",
    ],
    "secret": ["accept-kek", "accept-subject-secret", "accept-no-month"],
    "stream": [
        "accept-worked-example", "accept-record", "accept-no-record", "accept-subject-only", "accept-pairs", "accept-row-version", "accept-empty",
        "accept-metadata-full", "accept-one-chunk", "accept-frame-first", "accept-frame-later", "accept-frame-last",
    ],
    "derivation": ["tenant-keys", "subject-keys", "context-all-tags", "message-keys", "wrap-key", "row-mac-key"],
}


def generated():
    """Relative path → bytes of every vector file."""
    groups = {"field": field_files(), "secret": secret_files(), "derivation": derivation_files(),
              "stream": stream_files()}
    files = {f"{group}/{name}.txt": data for group, members in groups.items() for name, data in members.items()}
    copies = {f"compat/v1/{group}/{name}.txt": groups[group][name] for group, names in COMPAT.items() for name in names}
    return files | copies


def on_disk():
    """The vectors of our own formats; what others published is not ours to write or remove."""
    files = {path.relative_to(VECTORS).as_posix(): path.read_bytes() for path in sorted(VECTORS.rglob("*.txt"))}
    return {name: data for name, data in files.items() if not name.startswith("third-party/")}


def main():
    files, present = generated(), on_disk()
    for name, data in present.items():
        if name.startswith("compat/") and files.get(name) != data:
            sys.exit(f"{name} is published and would change: nothing written")
    for name in present.keys() - files.keys():
        (VECTORS / name).unlink()
    for name, data in files.items():
        path = VECTORS / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    print(f"{len(files)} files")


if __name__ == "__main__":
    main()
