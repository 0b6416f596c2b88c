#!/usr/bin/env python3
"""Holds AuditEvents of FHIR R4, one a line, against PyPI `fhir.resources` and against IHE BALP.

    fhir_audit_events.py FILE

The models are those of R4B, the nearest that the package has. What BALP asks for beyond them (profiles
PatientRead, PatientCreate and PatientUpdate of IHE.BasicAudit, and the same without a patient) is written down here, since the package knows no
profiles. Prints how many events there are of each profile, or what is wrong and where; exit code 1.
"""
import json
import sys
from collections import Counter

from fhir.resources.R4B.auditevent import AuditEvent
from pydantic import ValidationError

BALP = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit."
TERMS = "http://terminology.hl7.org/CodeSystem/"
DCM = "http://dicom.nema.org/resources/ontology/DCM"
INTERACTIONS = {"Read": ("read", "R"), "Create": ("create", "C"), "Update": ("update", "U")}


def coded(value, system, code):
    return (value.get("system"), value.get("code")) == (system, code)


def typed(items, system, code):
    """The items of this type; of agents the type is a concept, of entities a coding."""
    found = []
    for item in items:
        kind = item.get("type", {})
        codings = kind.get("coding", [kind])
        if any(coded(coding, system, code) for coding in codings):
            found.append(item)
    return found


def faults(event, profile):
    """What BALP asks for and the event lacks."""
    interaction, action = INTERACTIONS[profile.removeprefix("Patient")]
    named = profile.startswith("Patient")
    agents, entities = event["agent"], event["entity"]
    machines = [typed(agents, DCM, code) for code in ("110152", "110153")]
    users = typed(agents, TERMS + "v3-ParticipationType", "IRCP")
    patients = typed(entities, TERMS + "audit-entity-type", "1")
    data = typed(entities, TERMS + "audit-entity-type", "2")
    rest = "http://hl7.org/fhir/restful-interaction"
    checks = {
        "type": coded(event["type"], TERMS + "audit-event-type", "rest"),
        "subtype": sum(coded(one, rest, interaction) for one in event["subtype"]) == 1,
        "action": event["action"] == action,
        "recorded": "recorded" in event,
        "outcome": event["outcome"] == "0",
        "client and server": all(len(found) == 1 for found in machines),
        "network": all("who" in one and "network" in one for found in machines for one in found),
        "user": len(users) == 1 and users[0]["requestor"] is True and "network" not in users[0] and "who" in users[0],
        "patient": len(patients) == named and all(coded(p["role"], TERMS + "object-role", "1") for p in patients),
        "who": all(p["what"].get("type") == "Patient" for p in patients),
        "data": len(data) == 1 and coded(data[0]["role"], TERMS + "object-role", "4") and "what" in data[0],
    }
    return [name for name, holds in checks.items() if not holds]


def main(arguments):
    if len(arguments) != 1:
        print(__doc__.split("\n\n")[1].strip(), file=sys.stderr)
        return 2
    counts, wrong = Counter(), 0
    with open(arguments[0], encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            event = json.loads(line)
            profiles = event.get("meta", {}).get("profile", [])
            names = [profile.removeprefix(BALP) for profile in profiles]
            try:
                AuditEvent.model_validate(event)
                found = [fault for name in names for fault in faults(event, name)]
            except ValidationError as error:
                found = [".".join(map(str, one["loc"])) for one in error.errors(include_input=False)]
            except KeyError as missing:
                found = [str(missing)]
            for fault in found:
                print(f"line {number}: {fault}")
            wrong += bool(found)
            counts.update(names or ["no profile"])
    print(", ".join(f"{name}: {count}" for name, count in sorted(counts.items())) or "no events")
    return 1 if wrong or not counts else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
