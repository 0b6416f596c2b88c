//! Which columns of a table a profile covers, and which it does not.

use super::{TableForm, next_rows};
use crate::error::EngineError;
use crate::runs::ReadAhead;
use medseal_health::table::{Column, ColumnCover, ColumnPlacement, TableProfile};
use serde::Serialize;
use std::io::Read;
use std::sync::Arc;

/// One column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CoveredColumn {
    /// Its name.
    pub column: String,
    /// How many of its cells are not empty.
    pub count: u64,
    /// `inline`, `remove`, `keep`, `record`, or `none` where no rule names it.
    pub cover: &'static str,
    /// The class of the rule.
    pub class: Option<String>,
    /// The first names or pattern of the rule that counts.
    pub rule: Option<String>,
    /// Later rules that name the column too and would have done something else.
    pub overruled: Vec<String>,
}

/// Counts the cells of one table under a profile; needs no key and no record.
///
/// # Errors
/// The first row that is refused.
pub fn table_coverage(
    profile: Arc<TableProfile>,
    form: TableForm,
    input: &mut (dyn Read + Send),
) -> Result<Vec<CoveredColumn>, EngineError> {
    let mut scanner = form.scanner(Arc::clone(&profile)).without_identities();
    let mut source = ReadAhead::new(input);
    while let Some(rows) = next_rows(&mut source, &mut scanner)? {
        rows.refused.map_or(Ok(()), Err)?;
        source.consume(rows.bytes);
    }
    let columns = scanner.columns().iter().zip(scanner.filled());
    Ok(columns.map(|(column, &count)| covered(&profile, column, count)).collect())
}

fn covered(profile: &TableProfile, column: &Column, count: u64) -> CoveredColumn {
    let (cover, ruled) = match column.cover() {
        ColumnCover::Rule(_, placement) => (placed(placement), true),
        ColumnCover::Record => ("record", false),
        ColumnCover::Subject => ("subject", false),
        ColumnCover::UnnamedEncrypted => ("inline", true),
        ColumnCover::Unnamed => ("none", false),
    };
    let first = |rule: &medseal_health::table::ColumnRule| {
        rule.patterns().first().map(|pattern| pattern.as_str().to_owned())
    };
    let overruled = column.overruled().iter().filter_map(|&rule| profile.rules().get(rule));
    CoveredColumn {
        column: column.name().to_owned(),
        count,
        cover,
        class: ruled.then(|| column.class().to_owned()),
        rule: column.rule(profile).and_then(first),
        overruled: overruled.filter_map(first).collect(),
    }
}

fn placed(placement: ColumnPlacement) -> &'static str {
    match placement {
        ColumnPlacement::Inline => "inline",
        ColumnPlacement::Remove => "remove",
        ColumnPlacement::Keep => "keep",
    }
}
