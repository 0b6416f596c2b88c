#!/usr/bin/env python3
"""Holds FHIR documents before and after encryption against PyPI `fhir.resources`.

    fhir_verdicts.py r4|r5 PLAIN ENCRYPTED [PLAIN ENCRYPTED ...]

A resource that was valid must be valid after encryption, and one that was not must be refused at
the same places. The models of R4 are those of R4B, the nearest that the package has. Resources
inside Bundles are judged with the Bundle. Prints places and kinds of error, never a value; exit
code 1 when a verdict differs.
"""
import json
import sys

from pydantic import ValidationError


def models(release):
    if release == "r5":
        from fhir.resources import get_fhir_model_class
    else:
        from fhir.resources.R4B import get_fhir_model_class
    return get_fhir_model_class


def documents(path):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    if path.endswith(".ndjson"):
        return [json.loads(line) for line in text.split("\n") if line.strip()]
    return [json.loads(text)]


def verdict(model_of, document):
    """The places at which a resource is refused; none when it is valid."""
    try:
        model_of(document["resourceType"]).model_validate(document)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        return sorted({(".".join(map(str, one["loc"])), one["type"]) for one in found})
    return []


def main(arguments):
    if len(arguments) < 3 or len(arguments) % 2 == 0 or arguments[0] not in ("r4", "r5"):
        print(__doc__.split("\n\n")[1].strip(), file=sys.stderr)
        return 2
    model_of = models(arguments[0])
    judged = valid = differ = 0
    for plain, encrypted in zip(arguments[1::2], arguments[2::2]):
        before, after = documents(plain), documents(encrypted)
        if len(before) != len(after):
            print(f"{encrypted}: {len(after)} resources instead of {len(before)}")
            differ += 1
        for number, (old, new) in enumerate(zip(before, after)):
            old, new = verdict(model_of, old), verdict(model_of, new)
            judged += 1
            valid += not old
            if bool(old) != bool(new):
                differ += 1
                for place, kind in new or old:
                    print(f"{encrypted}: resource {number}: {place}: {kind}")
    print(f"{judged} resources, {valid} of them valid before, {differ} judged otherwise after")
    return 1 if differ or not judged else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
