//! `medseal audit export`: the log for other programs.

use crate::arguments::Arguments;
use crate::arguments::export::{Export, Form};
use crate::failure::Failure;
use crate::{home, output};
use medseal_engine::ledger::{ExportDetails, ExportForm, ExportRequest};
use medseal_engine::{UnixSeconds, clock};

pub(crate) async fn run(arguments: &Arguments, command: &Export) -> Result<(), Failure> {
    let request = ExportRequest {
        form: match command.format {
            Form::Ndjson => ExportForm::Ndjson,
            Form::Csv => ExportForm::Csv,
            Form::Fhir => ExportForm::Fhir,
        },
        details: if command.details { ExportDetails::Shown } else { ExportDetails::Hidden },
        from: command.from,
        to: command.to,
        since: time(command.since.as_deref())?,
        until: time(command.until.as_deref())?,
        directory: &command.output,
    };
    let engine = home::open(arguments).await?;
    let manifest = engine.export_audit(&request).await?;
    if arguments.json {
        return output::json(&manifest);
    }
    let (first, last) = (manifest.range.first, manifest.range.first + manifest.range.entries - 1);
    output::line(&format!(
        "entries {first} to {last} of a log of {} entries, all of them verified",
        manifest.size
    ))?;
    manifest
        .files
        .iter()
        .try_for_each(|file| output::line(&format!("{}  {}", file.sha256, file.name)))
}

fn time(text: Option<&str>) -> Result<Option<UnixSeconds>, Failure> {
    let wrong = || Failure::usage("a time is RFC 3339");
    text.map(|text| clock::parse_rfc3339(text).ok_or_else(wrong)).transpose()
}
