//! Documents as the command line encrypts them: keys from a store, an entry in the audit log for
//! each batch, a file's worth of lines. The home lies in the directory for temporary files.

use super::{DOCUMENT, Measurement, PROTECTED, check, field_key, interleave, profile, seal, text};
use crate::error::EngineError;
use crate::home::{Environment, Home, RootChoice};
use crate::records::{Action, Job};
use crate::{Engine, Options};
use medseal_core::Error;
use medseal_health::{Limits, Profile, Scanner};
use std::hint::black_box;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

/// Two batches.
const DOCUMENTS: usize = if cfg!(debug_assertions) { 40 } else { 4000 };

pub(super) fn run() -> Result<Measurement, EngineError> {
    let directory = tempfile::tempdir().map_err(EngineError::io("making a temporary directory"))?;
    let home = Home::at(directory.path().join("home"));
    finish(home.init(RootChoice::KeyFile, Environment::Development))?;
    let engine = finish(home.open(|| Err(EngineError::PassphraseNeeded), Options::default()))?;
    let line = |n| DOCUMENT.replace("0000042", &format!("{n:07}")) + "\n";
    let lines: String = (0..DOCUMENTS).map(line).collect();
    let profile = profile()?;
    let sealed = transform(&engine, Action::Encrypt, &profile, lines.as_bytes())?;
    let opened = transform(&engine, Action::Decrypt, &profile, &sealed)?;
    check(opened == lines.as_bytes() && sealed != opened)?;
    let mut scanner = Scanner::new(Arc::clone(&profile), Limits::default());
    let (key, value) = (field_key(7, "last_name")?, text(22));
    let measured = || {
        let input = black_box(lines.as_bytes());
        drop(black_box(transform(&engine, Action::Encrypt, &profile, input)));
    };
    let baseline = || {
        for line in black_box(&lines).lines() {
            black_box(scanner.scan(line.as_bytes()).is_ok());
        }
        for _ in 0..PROTECTED.len() * DOCUMENTS {
            drop(black_box(seal(&key, black_box(&value))));
        }
    };
    let against = "their scan and 8 fields each";
    let each = lines.len() / DOCUMENTS;
    Ok(interleave("record.run", each, DOCUMENTS, against, measured, baseline))
}

fn transform(
    engine: &Engine,
    action: Action,
    profile: &Arc<Profile>,
    mut input: &[u8],
) -> Result<Vec<u8>, EngineError> {
    let job = Job::new(action, Arc::clone(profile), "default");
    let mut out = Vec::with_capacity(4 * input.len());
    finish(engine.run_records(&job, &mut input, &mut out, &mut |_| ()))?;
    Ok(out)
}

/// The embedded store answers at once, so one poll is enough.
fn finish<T>(future: impl Future<Output = Result<T, EngineError>>) -> Result<T, EngineError> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(done) => done,
        Poll::Pending => Err(Error::Rejected.into()),
    }
}
