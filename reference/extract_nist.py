"""Extracts of NIST's CAVP files, written to vectors/third-party/nist/: `python3 reference/extract_nist.py`.

NIST's files are read from the package `cryptography_vectors` (PyPI), which must be installed. Of each file only the
groups stay that Medseal's parameters meet; lines are taken over as they are, comments and empty lines within a case
dropped. `vectors/third-party/nist/README.md` names version and licence.
"""
from importlib.resources import files
from pathlib import Path

OUT = Path(__file__).resolve().parent.parent / "vectors" / "third-party" / "nist"
GCM = {"Keylen": "256", "IVlen": "96", "Taglen": "128"}
KBKDF = {"PRF": "HMAC_SHA256", "CTRLOCATION": "BEFORE_FIXED", "RLEN": "32_BITS"}
SHORTER_THAN = 2048  # characters of hex: NIST's long messages reach 6400 bytes and differ in length alone
PER_GROUP = 6  # of 15 that differ in nothing but random bytes

# name, folder in the package, what a group's header must say, cases of a group, lines of a case
EXTRACTS = [
    ("gcmEncryptExtIV256.rsp", "ciphers/AES/GCM", GCM, PER_GROUP, ("Key", "IV", "CT", "AAD", "Tag", "PT")),
    ("gcmDecrypt256.rsp", "ciphers/AES/GCM", GCM, PER_GROUP, ("Key", "IV", "CT", "AAD", "Tag", "PT", "FAIL")),
    ("nist-800-108-KBKDF-CTR.txt", "KDF", KBKDF, None, ("L", "KI", "FixedInputData", "instring", "KO")),
    ("SHA256ShortMsg.rsp", "hashes/SHA2", {"L": "32"}, None, ("Len", "Msg", "MD")),
    ("SHA256LongMsg.rsp", "hashes/SHA2", {"L": "32"}, None, ("Len", "Msg", "MD")),
]


def groups(text):
    """(header, cases) of a file; a group's header is one run of `[Name = value]` lines, a case one run of others."""
    header, cases = {}, []
    for block in text.replace("\r", "").split("\n\n"):
        lines = [line.strip() for line in block.splitlines() if line.strip() and not line.startswith("#")]
        heads = [line.strip("[]").split("=") for line in lines if line.startswith("[")]
        if heads:
            if cases:
                yield header, cases
                cases = []
            header = {name.strip(): value.strip() for name, value in heads}
        case = [line for line in lines if not line.startswith("[")]
        if case:
            cases.append(case)
    if cases:
        yield header, cases


def name_of(line):
    return line.partition("=")[0].strip()


def extract(text, wanted, per_group, names):
    out = []
    for header, cases in groups(text):
        if any(header.get(name) != value for name, value in wanted.items()):
            continue
        out.append("".join(f"[{name} = {value}]\n" for name, value in header.items()))
        kept = [[line for line in case if name_of(line) in names] for case in cases[:per_group]]
        out += ["\n".join(case) + "\n" for case in kept if all(len(line) < SHORTER_THAN for line in case)]
    return "\n".join(out)


def main():
    for name, folder, wanted, per_group, names in EXTRACTS:
        text = files("cryptography_vectors").joinpath(folder, name).read_text(encoding="ascii")
        (OUT / name).write_text(extract(text, wanted, per_group, names), encoding="ascii")


if __name__ == "__main__":
    main()
