#!/usr/bin/env python3
"""Looks in encrypted FHIR documents for what names a person in the plain ones.

    fhir_leaks.py PLAIN ENCRYPTED [PLAIN ENCRYPTED ...]

Shares no code and no profile with Medseal: what is identifying is found here by the shape of FHIR
alone. Names, identifier values, telecom values, address lines and birth dates of every person of
the plain documents are looked for in the encrypted ones, in each form that a program could turn
back: raw, JSON-escaped, base64 at its three alignments, UTF-16, NFC and NFD, case-folded and
URL-encoded. Envelopes themselves are taken out first, each after a look at its header.

Prints one line a find, with the kind and the path but never the value; exit code 1 if there is any.
"""
import base64
import json
import re
import sys
import unicodedata
import urllib.parse

PERSONS = {"Patient", "Practitioner", "Person", "RelatedPerson"}
TEXT_ENVELOPE = re.compile(r"ms1:([A-Za-z0-9_-]{114,})")
BASE64 = re.compile(r"[A-Za-z0-9+/]{16,}={0,2}")
# Words that are names of people in the data and of things in the standard.
PUBLIC_WORDS = {"patient", "person", "test", "example", "anonymous", "unknown", "medical", "health"}


def documents(path):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    if path.endswith(".ndjson"):
        return [json.loads(line) for line in text.split("\n") if line.strip()], text
    return [json.loads(text)], text


def strings(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from strings(item)


def objects(value):
    if isinstance(value, dict):
        yield value
        value = value.values()
    if isinstance(value, (list, type({}.values()))):
        for item in value:
            yield from objects(item)


def without_urls(value):
    """Without what extensions are called."""
    if isinstance(value, list):
        return [without_urls(item) for item in value]
    if isinstance(value, dict):
        return {key: without_urls(item) for key, item in value.items() if key != "url"}
    return value


def name_words(name):
    for key in ("family", "given", "text", "_family", "_given"):
        for text in strings(without_urls(name.get(key, []))):
            yield from re.split(r"[\s,.()]+", text)


def found_in_person(person):
    """(kind, value) of one person."""
    names, telecoms, addresses = [], [], []
    for part in [person, *objects(person.get("contact", []))]:
        for key, kept in (("name", names), ("telecom", telecoms), ("address", addresses)):
            held = part.get(key, [])
            kept.extend(held if isinstance(held, list) else [held])
    for name in (n for n in names if isinstance(n, dict)):
        yield from (("name", word) for word in name_words(name))
    for telecom in (t for t in telecoms if isinstance(t, dict)):
        yield "telecom", telecom.get("value", "")
    for address in (a for a in addresses if isinstance(a, dict)):
        yield from (("address line", line) for line in strings(address.get("line", [])))
        yield "address", address.get("text", "")
    for identifier in person.get("identifier", []):
        yield "identifier", identifier.get("value", "")
    yield "birth date", person.get("birthDate", "")


def identifying(documents):
    """What to look for: kind by value."""
    wanted = {}
    for document in documents:
        for resource in objects(document):
            if resource.get("resourceType") not in PERSONS:
                continue
            for kind, value in found_in_person(resource):
                value = value.strip()
                if worth_looking_for(kind, value):
                    wanted.setdefault(value, kind)
    return wanted


def worth_looking_for(kind, value):
    if kind == "name":
        return len(value) > 2 and value[0].isalpha() and value.casefold() not in PUBLIC_WORDS
    if kind == "identifier" and re.fullmatch(r"\d{1,4}", value):
        return False  # any year, any count
    return len(value) > 3


def without_envelopes(text):
    """The text with every envelope taken out; one that only looks like one stays."""

    def replaced(match, decoded):
        return "\ufffc" if decoded[:2] == b"\xf8\x01" else match.group(0)

    def text_form(match):
        body = match.group(1)
        return replaced(match, base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))

    def binary_form(match):
        body = match.group(0)
        return replaced(match, base64.b64decode(body + "=" * (-len(body) % 4)))

    text = TEXT_ENVELOPE.sub(text_form, text)
    return re.sub(r"(?<![A-Za-z0-9+/])\+AE[A-Za-z0-9+/]{112,}={0,2}", binary_form, text)


def contents(documents):
    """Every string and number of the documents, unescaped, and what base64 in them says."""
    for document in documents:
        whole = without_envelopes(json.dumps(document, ensure_ascii=False))
        yield whole
        # the same once more, so that escapes inside strings are undone
        yield "\n".join(without_envelopes(text) for text in strings(document))
        for run in BASE64.findall(whole):
            for skip in range(4):
                part = run[skip:].rstrip("=")
                part = part[: len(part) - len(part) % 4]
                decoded = base64.b64decode(part)
                for encoding in ("utf-8", "utf-16-le", "utf-16-be"):
                    yield decoded.decode(encoding, errors="ignore")


def forms(value):
    """The value in each spelling, case-folded."""
    for normal in ("NFC", "NFD", "NFKC"):
        spelled = unicodedata.normalize(normal, value)
        yield spelled
        yield json.dumps(spelled)[1:-1]
        yield urllib.parse.quote(spelled)
        yield urllib.parse.quote_plus(spelled)
    for encoding in ("utf-8", "utf-16-le", "utf-16-be"):
        for skip in range(3):
            # only the characters that the value alone decides
            coded = base64.b64encode(b"\0" * skip + value.encode(encoding)).decode()
            start, keep = (0, 2, 3)[skip], len(coded.rstrip("=")) - 1
            if keep - start > 7:
                yield coded[start:keep]


def look(plain, encrypted):
    """Kinds and how often each was found."""
    wanted = identifying(documents(plain)[0])
    found_documents, raw = documents(encrypted)
    haystack = "\n".join([without_envelopes(raw), *contents(found_documents)])
    haystack += "\n" + urllib.parse.unquote(haystack)
    folded = unicodedata.normalize("NFC", haystack).casefold()
    finds = []
    for value, kind in wanted.items():
        for form in set(forms(value)):
            form = unicodedata.normalize("NFC", form).casefold()
            edge = r"(?<![^\W_])" if form[:1].isalnum() else ""
            end = r"(?![^\W_])" if form[-1:].isalnum() and kind == "name" else ""
            if form in folded and re.search(edge + re.escape(form) + end, folded):
                finds.append((kind, value))
                break
    return len(wanted), finds


def main(arguments):
    if not arguments or len(arguments) % 2:
        print(__doc__.split("\n\n")[1].strip(), file=sys.stderr)
        return 2
    show = "--values" in sys.argv  # for made-up data only
    searched = leaks = 0
    for plain, encrypted in zip(arguments[::2], arguments[1::2]):
        count, finds = look(plain, encrypted)
        searched += count
        leaks += len(finds)
        for kind, value in finds:
            print(f"{encrypted}: {kind}" + (f" {value!r}" if show else ""))
    print(f"{searched} values looked for, {leaks} found")
    return 1 if leaks or not searched else 0


if __name__ == "__main__":
    sys.exit(main([a for a in sys.argv[1:] if not a.startswith("--")]))
