//! An accounting of disclosures for others: as a table of comma-separated values, and as AuditEvents
//! of FHIR R4 after the profiles of IHE BALP (`docs/subjects.md`).
//!
//! A cell may end up in a spreadsheet, which takes `=`, `+`, `-` and `@` at its start for a formula;
//! such cells start with an apostrophe here.

use super::{Disclosure, Disclosures};
use serde_json::{Value, json};

const COLUMNS: [&str; 11] = [
    "time",
    "principal",
    "operation",
    "outcome",
    "purpose",
    "collections",
    "fields",
    "values",
    "note",
    "log",
    "entry",
];

const BALP: &str = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.";
const HL7: &str = "http://terminology.hl7.org/CodeSystem/";
const DICOM: &str = "http://dicom.nema.org/resources/ontology/DCM";
/// Systems of our own names.
const OWN: &str = "https://medseal.dev/fhir/sid/";

/// What an operation on values is to FHIR: the interaction, the action, and the profile of BALP.
fn interaction(operation: &str) -> Option<(&'static str, &'static str, &'static str)> {
    match operation {
        "decrypt" => Some(("read", "R", "PatientRead")),
        "encrypt" => Some(("create", "C", "PatientCreate")),
        "reencrypt" => Some(("update", "U", "PatientUpdate")),
        _ => None,
    }
}

impl Disclosures {
    /// Comma-separated values (RFC 4180) with a header; UTF-8.
    pub fn to_csv(&self) -> String {
        let mut out = COLUMNS.join(",") + "\r\n";
        for disclosure in &self.disclosures {
            let items = disclosure.items.map(|items| items.to_string());
            let cells = [
                disclosure.time.clone(),
                disclosure.principal.clone(),
                disclosure.operation.clone(),
                disclosure.outcome.clone(),
                disclosure.purpose.clone().unwrap_or_default(),
                disclosure.collections.join(" "),
                disclosure.fields.join(" "),
                items.unwrap_or_default(),
                disclosure.note.clone().unwrap_or_default(),
                self.log.clone(),
                disclosure.index.to_string(),
            ];
            let cells: Vec<String> = cells.iter().map(|cell| harmless_cell(cell)).collect();
            out.push_str(&cells.join(","));
            out.push_str("\r\n");
        }
        out
    }

    /// FHIR R4 AuditEvents, one a line.
    pub fn to_fhir(&self) -> String {
        let events = self.disclosures.iter().map(|disclosure| self.event(disclosure));
        events.map(|event| format!("{event}\n")).collect()
    }

    fn event(&self, disclosure: &Disclosure) -> Value {
        let permitted = disclosure.outcome == "permitted";
        let known = interaction(&disclosure.operation);
        let mut subtype = vec![coding(&format!("{OWN}operation"), &disclosure.operation)];
        subtype.extend(
            known.map(|(code, ..)| coding("http://hl7.org/fhir/restful-interaction", code)),
        );
        let mut event = json!({
            "resourceType": "AuditEvent",
            "id": format!("{}-{}", self.log, disclosure.index),
            "type": coding(&format!("{HL7}audit-event-type"), "rest"),
            "subtype": subtype,
            "action": known.map_or("E", |(_, action, _)| action),
            "recorded": disclosure.time,
            "outcome": if permitted { "0" } else { "4" },
            "agent": self.agents(disclosure),
            "source": { "observer": identified("log", &self.log) },
            "entity": [self.data(disclosure), self.patient()],
        });
        // a profile is claimed for what it is about and for nothing else
        if let Some((_, _, profile)) = known.filter(|_| permitted)
            && let Some(event) = event.as_object_mut()
        {
            event.insert("meta".to_owned(), json!({ "profile": [format!("{BALP}{profile}")] }));
        }
        if let (Some(purpose), Some(event)) = (&disclosure.purpose, event.as_object_mut()) {
            event.insert("purposeOfEvent".to_owned(), json!([{ "text": purpose }]));
        }
        event
    }

    /// In one process client and server are the same; who asked is the user.
    fn agents(&self, disclosure: &Disclosure) -> Value {
        let network = json!({ "address": "localhost", "type": "1" });
        let machine = |role: &str, display: &str| {
            json!({
                "type": { "coding": [shown(DICOM, role, display)] },
                "who": identified("log", &self.log),
                "requestor": false,
                "network": network,
            })
        };
        let user = json!({
            "type": { "coding": [coding(&format!("{HL7}v3-ParticipationType"), "IRCP")] },
            "who": identified("principal", &disclosure.principal),
            "name": disclosure.principal,
            "requestor": true,
        });
        json!([machine("110152", "Destination Role ID"), machine("110153", "Source Role ID"), user])
    }

    fn data(&self, disclosure: &Disclosure) -> Value {
        let collections = disclosure.collections.join(" ");
        let what = if collections.is_empty() { disclosure.operation.clone() } else { collections };
        let mut detail = vec![text("log entry", &disclosure.index.to_string())];
        detail.extend(disclosure.items.map(|items| text("values", &items.to_string())));
        let fields = disclosure.fields.join(" ");
        detail.extend((!fields.is_empty()).then(|| text("fields", &fields)));
        detail.extend(disclosure.note.as_ref().map(|note| text("note", note)));
        json!({
            "what": identified("collection", &what),
            "type": shown(&format!("{HL7}audit-entity-type"), "2", "System Object"),
            "role": shown(&format!("{HL7}object-role"), "4", "Domain Resource"),
            "detail": detail,
        })
    }

    fn patient(&self) -> Value {
        let mut what = identified("subject", &self.subject);
        what["type"] = "Patient".into();
        json!({
            "what": what,
            "type": shown(&format!("{HL7}audit-entity-type"), "1", "Person"),
            "role": shown(&format!("{HL7}object-role"), "1", "Patient"),
        })
    }
}

fn coding(system: &str, code: &str) -> Value {
    json!({ "system": system, "code": code })
}

fn shown(system: &str, code: &str, display: &str) -> Value {
    json!({ "system": system, "code": code, "display": display })
}

fn identified(kind: &str, value: &str) -> Value {
    json!({ "identifier": { "system": format!("{OWN}{kind}"), "value": value } })
}

fn text(kind: &str, value: &str) -> Value {
    json!({ "type": kind, "valueString": value })
}

/// A cell that no program takes for a formula, quoted where the grammar asks for it.
fn harmless_cell(cell: &str) -> String {
    let formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let cell = if formula { format!("'{cell}") } else { cell.to_owned() };
    if cell.contains([',', '"', '\n', '\r']) {
        return format!("\"{}\"", cell.replace('"', "\"\""));
    }
    cell
}

#[cfg(test)]
mod tests {
    use super::harmless_cell;

    #[test]
    fn formulas_and_delimiters_are_made_harmless() {
        for (cell, expected) in [
            ("plain", "plain"),
            ("", ""),
            ("=1+1", "'=1+1"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\tx", "'\tx"),
            ("a,b", "\"a,b\""),
            ("=\"x\",1", "\"'=\"\"x\"\",1\""),
            ("a\nb", "\"a\nb\""),
        ] {
            assert_eq!(harmless_cell(cell), expected);
        }
    }
}
