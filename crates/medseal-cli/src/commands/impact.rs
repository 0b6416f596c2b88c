//! `medseal key impact`: how far a key or one of its versions reaches.

use crate::arguments::Arguments;
use crate::arguments::impact::Impact;
use crate::failure::Failure;
use crate::output;
use medseal_engine::impact::{ImpactRequest, KeyImpact, OpenedBy, ValueCounts, VersionImpact};
use medseal_engine::subjects::Ids;
use medseal_engine::{Engine, clock};

pub(crate) async fn run(
    engine: &Engine,
    arguments: &Arguments,
    command: &Impact,
) -> Result<(), Failure> {
    let (key, version) = key_and_version(&command.key)?;
    let wrong = || Failure::usage("a time is RFC 3339");
    let since = command.since.as_deref().map(|text| clock::parse_rfc3339(text).ok_or_else(wrong));
    let impact = engine
        .key_impact(&ImpactRequest {
            tenant: &command.tenant.tenant,
            key,
            version,
            since: since.transpose()?,
            ids: if command.subjects { Ids::Shown } else { Ids::Hidden },
        })
        .await?;
    if arguments.json {
        return output::json(&impact);
    }
    lines(&impact).iter().try_for_each(|line| output::line(line))
}

/// A name has no `@` in it.
fn key_and_version(text: &str) -> Result<(&str, Option<u32>), Failure> {
    let Some((name, number)) = text.rsplit_once('@') else { return Ok((text, None)) };
    let number = number.parse().map_err(|_| Failure::usage("a key version is NAME@N"))?;
    Ok((name, Some(number)))
}

fn lines(impact: &KeyImpact) -> Vec<String> {
    let KeyImpact { key, tenant, entries, log, .. } = impact;
    let mut lines =
        vec![format!("key {key} of tenant {tenant}, from {entries} entries of log {log}")];
    impact.versions.iter().for_each(|version| describe(version, &mut lines));
    let gaps = [
        (impact.entries_without_details, "entries whose details were erased"),
        (
            impact.entries_uncounted,
            "of these, entries that do not say how many values of which version",
        ),
        (impact.values_untraced, "values carried over to a version that the log does not name"),
    ];
    let gaps = gaps.into_iter().filter(|(count, _)| *count > 0);
    lines.extend(gaps.map(|(count, what)| format!("unknown: {count} {what}")));
    lines.extend(impact.not_covered.iter().map(|what| format!("not covered: {what}")));
    lines
}

fn describe(version: &VersionImpact, lines: &mut Vec<String>) {
    lines.push(format!("{}  {}  {}", version.version, version.id, version.state));
    lines.push(format!("  values    {}", counts(&version.values)));
    lines.push(format!(
        "  store     counted {} after they were encrypted",
        version.counted_by_store
    ));
    let of = &version.subjects;
    lines.push(format!(
        "  patients  {} touched, {} with values that remain, {} erased; {} records without a patient",
        of.touched, of.remaining, of.erased, version.records_without_subject
    ));
    for collection in &version.collections {
        let name = collection.collection.as_deref().unwrap_or("(not known any more)");
        lines.push(format!("  in {name}: {}", counts(&collection.values)));
    }
    lines.extend(version.opened_by.iter().map(|one| format!("  opened by {}", opened(one))));
    lines.extend(version.refused.iter().map(|one| format!("  refused to {}", opened(one))));
    let ids = version.subject_ids.iter().flat_map(|ids| &ids.0);
    lines.extend(ids.map(|id| format!("  patient {id}")));
}

fn counts(values: &ValueCounts) -> String {
    let ValueCounts { encrypted, carried_in, carried_over, remaining, erased } = values;
    format!(
        "{encrypted} encrypted, {carried_in} carried in, {carried_over} carried over, \
         {remaining} remain, {erased} erased"
    )
}

fn opened(one: &OpenedBy) -> String {
    let mut text = one.principal.clone();
    text.extend(one.on_behalf_of.iter().map(|other| format!(" for {other}")));
    text.push_str(&format!(": {} of {} values", one.operation, one.values));
    text.extend(one.purpose.iter().map(|purpose| format!(" for {purpose}")));
    let OpenedBy { subjects, times, first, last, .. } = one;
    text.push_str(&format!(", {subjects} patients, {times} times from {first} to {last}"));
    text
}
