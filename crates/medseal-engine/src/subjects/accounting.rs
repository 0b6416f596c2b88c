//! An accounting of disclosures for others: as a table of comma-separated values, and as AuditEvents
//! of FHIR R4 after the profiles of IHE BALP (`docs/subjects.md`).

use super::{Disclosure, Disclosures};
use crate::ledger::export::{csv, fhir};

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

impl Disclosures {
    /// Comma-separated values (RFC 4180) with a header; UTF-8.
    pub fn to_csv(&self) -> String {
        let mut out = csv::row(&COLUMNS);
        for disclosure in &self.disclosures {
            let items = disclosure.items.map(|items| items.to_string());
            out.push_str(&csv::row(&[
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
            ]));
        }
        out
    }

    /// FHIR R4 AuditEvents, one a line.
    pub fn to_fhir(&self) -> String {
        let told = self.disclosures.iter().map(|disclosure| self.told(disclosure));
        told.map(|told| format!("{}\n", fhir::event(&told))).collect()
    }

    fn told<'d>(&'d self, disclosure: &'d Disclosure) -> fhir::Told<'d> {
        fhir::Told {
            log: &self.log,
            index: disclosure.index,
            time: &disclosure.time,
            principal: Some(&disclosure.principal),
            operation: &disclosure.operation,
            permitted: disclosure.outcome == "permitted",
            purpose: disclosure.purpose.as_deref(),
            collections: &disclosure.collections,
            fields: &disclosure.fields,
            items: disclosure.items,
            note: disclosure.note.as_deref(),
            patient: Some(&self.subject),
        }
    }
}
