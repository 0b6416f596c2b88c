//! Entries as AuditEvents of FHIR R4, after the profiles of IHE BALP where one fits.

use serde_json::{Value, json};

const BALP: &str = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.";
const HL7: &str = "http://terminology.hl7.org/CodeSystem/";
const DICOM: &str = "http://dicom.nema.org/resources/ontology/DCM";
/// Systems of our own names.
const OWN: &str = "https://medseal.dev/fhir/sid/";

/// What an event says of an entry.
pub(crate) struct Told<'a> {
    pub(crate) log: &'a str,
    pub(crate) index: u64,
    pub(crate) time: &'a str,
    /// Who asked; nobody of what the log says of itself.
    pub(crate) principal: Option<&'a str>,
    pub(crate) operation: &'a str,
    pub(crate) permitted: bool,
    pub(crate) purpose: Option<&'a str>,
    pub(crate) collections: &'a [String],
    pub(crate) fields: &'a [String],
    pub(crate) items: Option<u64>,
    pub(crate) note: Option<&'a str>,
    /// What stands for the patient that it is told about.
    pub(crate) patient: Option<&'a str>,
}

/// What an operation on values is to FHIR: the interaction, the action, and the profile of BALP.
fn interaction(operation: &str) -> Option<(&'static str, &'static str, &'static str)> {
    match operation {
        "decrypt" => Some(("read", "R", "Read")),
        "encrypt" => Some(("create", "C", "Create")),
        "reencrypt" => Some(("update", "U", "Update")),
        _ => None,
    }
}

/// The AuditEvent of one entry.
pub(crate) fn event(told: &Told<'_>) -> Value {
    let known = interaction(told.operation);
    let mut subtype = vec![coding(&format!("{OWN}operation"), told.operation)];
    subtype.extend(known.map(|(code, ..)| coding("http://hl7.org/fhir/restful-interaction", code)));
    let entities = [Some(data(told)), told.patient.map(patient)];
    let mut event = json!({
        "resourceType": "AuditEvent",
        "id": format!("{}-{}", told.log, told.index),
        "type": coding(&format!("{HL7}audit-event-type"), "rest"),
        "subtype": subtype,
        "action": known.map_or("E", |(_, action, _)| action),
        "recorded": told.time,
        "outcome": if told.permitted { "0" } else { "4" },
        "agent": agents(told),
        "source": { "observer": identified("log", told.log) },
        "entity": entities.into_iter().flatten().collect::<Vec<_>>(),
    });
    // a profile is claimed for what it is about and for nothing else
    let profile = known.filter(|_| told.permitted).map(|(_, _, profile)| {
        let whose = if told.patient.is_some() { "Patient" } else { "" };
        json!({ "profile": [format!("{BALP}{whose}{profile}")] })
    });
    if let Some(event) = event.as_object_mut() {
        event.extend(profile.map(|profile| ("meta".to_owned(), profile)));
        let purpose = told.purpose.map(|purpose| json!([{ "text": purpose }]));
        event.extend(purpose.map(|purpose| ("purposeOfEvent".to_owned(), purpose)));
    }
    event
}

/// In one process client and server are the same; who asked is the user.
fn agents(told: &Told<'_>) -> Value {
    let network = json!({ "address": "localhost", "type": "1" });
    let machine = |role: &str, display: &str| {
        json!({
            "type": { "coding": [shown(DICOM, role, display)] },
            "who": identified("log", told.log),
            "requestor": false,
            "network": network,
        })
    };
    let user = told.principal.map(|principal| {
        json!({
            "type": { "coding": [coding(&format!("{HL7}v3-ParticipationType"), "IRCP")] },
            "who": identified("principal", principal),
            "name": principal,
            "requestor": true,
        })
    });
    let machines = [machine("110152", "Destination Role ID"), machine("110153", "Source Role ID")];
    machines.into_iter().chain(user).collect()
}

fn data(told: &Told<'_>) -> Value {
    let collections = told.collections.join(" ");
    let what = if collections.is_empty() { told.operation } else { &collections };
    let mut detail = vec![text("log entry", &told.index.to_string())];
    detail.extend(told.items.map(|items| text("values", &items.to_string())));
    let fields = told.fields.join(" ");
    detail.extend((!fields.is_empty()).then(|| text("fields", &fields)));
    detail.extend(told.note.map(|note| text("note", note)));
    json!({
        "what": identified("collection", what),
        "type": shown(&format!("{HL7}audit-entity-type"), "2", "System Object"),
        "role": shown(&format!("{HL7}object-role"), "4", "Domain Resource"),
        "detail": detail,
    })
}

fn patient(handle: &str) -> Value {
    let mut what = identified("subject", handle);
    what["type"] = "Patient".into();
    json!({
        "what": what,
        "type": shown(&format!("{HL7}audit-entity-type"), "1", "Person"),
        "role": shown(&format!("{HL7}object-role"), "1", "Patient"),
    })
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
