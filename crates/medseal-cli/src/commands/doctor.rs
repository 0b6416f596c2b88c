//! `medseal doctor` and `medseal selftest`.

use crate::arguments::Arguments;
use crate::failure::Failure;
use crate::{home, output};
use medseal_engine::EngineError;
use medseal_engine::doctor::{Check, CheckState};
use serde_json::json;
use std::process::ExitCode;

pub(crate) async fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let home = home::locate(arguments.home.as_deref());
    let engine = home::open(arguments).await?;
    let checks = engine.examine(&home).await;
    let failed = checks.iter().any(|check| check.state == CheckState::Failed);
    if arguments.json {
        output::json(&checks)?;
    } else {
        checks.iter().try_for_each(|check| output::line(&describe(check)))?;
    }
    Ok(ExitCode::from(u8::from(failed)))
}

fn describe(check: &Check) -> String {
    let state = match check.state {
        CheckState::Passed => "ok  ",
        CheckState::Warning => "note",
        CheckState::Failed => "FAIL",
    };
    let detail = check.detail.as_ref().map(|d| format!(": {d}")).unwrap_or_default();
    format!("{state} {}{detail}", check.name)
}

pub(crate) fn selftest(arguments: &Arguments) -> Result<(), Failure> {
    let checks = medseal_engine::doctor::selftest().map_err(EngineError::from)?;
    if arguments.json {
        return output::json(&json!({ "passed": checks }));
    }
    checks.iter().try_for_each(|check| output::line(&format!("ok   {check}")))
}
