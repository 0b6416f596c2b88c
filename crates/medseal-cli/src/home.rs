//! Which home, and how to open it.

use crate::arguments::{Arguments, Verify};
use crate::failure::Failure;
use medseal_engine::approvals::RequestId;
use medseal_engine::principals::{AccessToken, Occasion, Purpose};
use medseal_engine::{Engine, EngineError, Home, Options, VerifyAfterEncrypt};
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// `--home`, `$MEDSEAL_HOME` unless it is empty, `./.medseal`.
pub(crate) fn locate(home: Option<&Path>) -> Home {
    let from_environment =
        || std::env::var_os("MEDSEAL_HOME").filter(|home| !home.is_empty()).map(PathBuf::from);
    let path = home.map(Path::to_owned).or_else(from_environment);
    Home::at(path.unwrap_or_else(|| PathBuf::from(".medseal")))
}

/// Opens the home that the arguments name.
pub(crate) async fn open(arguments: &Arguments) -> Result<Engine, Failure> {
    let home = locate(arguments.home.as_deref());
    let options = Options {
        verify_after_encrypt: match arguments.verify_after_encrypt {
            Verify::Off => VerifyAfterEncrypt::Off,
            Verify::Sampled => VerifyAfterEncrypt::Sampled,
            Verify::Always => VerifyAfterEncrypt::Always,
        },
        ..Options::default()
    };
    let file = arguments.passphrase_file.clone();
    let ask = || passphrase(file.as_deref(), "Passphrase: ");
    Ok(home.open_as(ask, options, occasion(arguments)?).await?)
}

/// Who asks, and what for.
pub(crate) fn occasion(arguments: &Arguments) -> Result<Occasion, Failure> {
    let access = &arguments.access;
    Ok(Occasion {
        // without a reason the engine says that there must be one
        break_glass: access.break_glass.then(|| access.reason.clone().unwrap_or_default()),
        token: token(arguments.access.access_token.as_deref())?,
        on_behalf_of: arguments.access.on_behalf_of.clone(),
        purpose: purpose(arguments),
        case: arguments.access.case.clone(),
        reason: access.reason.clone(),
        approval: access.approval.as_deref().map(request_id).transpose()?,
    })
}

fn request_id(text: &str) -> Result<RequestId, Failure> {
    let what = "a request for approvals has an id of 32 hexadecimal digits";
    RequestId::parse(text).ok_or_else(|| Failure::usage(what))
}

/// `--purpose`.
pub(crate) fn purpose(arguments: &Arguments) -> Option<Purpose> {
    // the purpose of a key that is made is none of these
    arguments.access.purpose.as_deref().and_then(Purpose::from_name)
}

/// `--access-token @FILE`, else `$MEDSEAL_TOKEN` unless it is empty. On the command line every process could
/// read it.
fn token(argument: Option<&str>) -> Result<Option<AccessToken>, Failure> {
    let text = match argument.map(|text| text.strip_prefix('@')) {
        Some(Some(path)) => {
            let bytes = crate::input::read_all(Path::new(path))?;
            Zeroizing::new(
                String::from_utf8_lossy(&bytes).trim_end_matches(['\r', '\n']).to_owned(),
            )
        }
        Some(None) => {
            let what =
                "a token never stands on the command line: --access-token @FILE or $MEDSEAL_TOKEN";
            return Err(Failure::usage(what));
        }
        None => Zeroizing::new(std::env::var("MEDSEAL_TOKEN").unwrap_or_default()),
    };
    if argument.is_none() && text.is_empty() {
        return Ok(None);
    }
    AccessToken::parse(&text).map(Some).ok_or_else(|| EngineError::TokenRejected.into())
}

/// The first line of a file, or typed at the terminal without an echo.
pub(crate) fn passphrase(
    file: Option<&Path>,
    prompt: &str,
) -> Result<Zeroizing<Vec<u8>>, EngineError> {
    let failed = |error: std::io::Error| EngineError::Io {
        what: "reading the passphrase",
        kind: error.kind(),
    };
    let Some(file) = file else {
        if !std::io::stderr().is_terminal() {
            return Err(EngineError::PassphraseNeeded);
        }
        let typed = Zeroizing::new(rpassword::prompt_password(prompt).map_err(failed)?);
        return Ok(Zeroizing::new(typed.as_bytes().to_vec()));
    };
    let content = Zeroizing::new(std::fs::read(file).map_err(failed)?);
    let line = content.split(|b| *b == b'\n').next().unwrap_or_default();
    Ok(Zeroizing::new(line.strip_suffix(b"\r").unwrap_or(line).to_vec()))
}
