//! `medseal file …` and `medseal array …`: files, directories, pipes and sessions of arrays.

use crate::arguments::Arguments;
use crate::arguments::Place;
use crate::arguments::file::{Array, File, InOut};
use crate::context::{Context, DEFAULT_TENANT};
use crate::failure::Failure;
use crate::output::is_special;
use crate::progress::Progress;
use crate::{home, output, terminal};
use medseal_engine::files::{
    ArrayLayout, ByteRange, Description, FileJob, FileReport, Kind, SessionReport, Sink, Source,
    StreamInspection, inspect_file,
};
use medseal_engine::replace_file::ReplaceFile;
use serde::Serialize;
use std::io::IsTerminal;
use std::os::fd::AsFd;
use std::path::Path;

pub(crate) async fn run(arguments: &Arguments, command: &File) -> Result<(), Failure> {
    match command {
        File::Encrypt { place, key, kind, dtype, shape, files } => {
            let description = describe(kind.as_deref(), dtype.as_deref(), shape.as_deref())?;
            encrypt(arguments, place, key.as_deref(), &description, files).await
        }
        File::Decrypt { place, files } => decrypt(arguments, place, files).await,
        File::Verify { place, input } => verify(arguments, place, input).await,
        File::Read { place, range, files } => read(arguments, place, range, files).await,
        File::Inspect { input } => show(arguments, &inspect_file(open(input)?)?),
    }
}

async fn encrypt(
    arguments: &Arguments,
    place: &Place,
    key: Option<&str>,
    description: &Description,
    files: &InOut,
) -> Result<(), Failure> {
    let context = parse(place)?;
    let (source, sink) = (open(&files.input)?, ciphertext(files)?);
    let engine = home::open(arguments).await?;
    let pairs = context.pairs();
    let job = FileJob { target: context.target(&pairs), key };
    let mut progress = Progress::new(source.len());
    let mut at = |bytes| progress.at(bytes);
    let done = engine.encrypt_file(&job, description, source, sink, &mut at).await;
    progress.finish();
    tell(arguments, &done?)
}

async fn decrypt(arguments: &Arguments, place: &Place, files: &InOut) -> Result<(), Failure> {
    let context = parse(place)?;
    let source = open(&files.input)?;
    let engine = home::open(arguments).await?;
    let pairs = context.pairs();
    let job = FileJob { target: context.target(&pairs), key: None };
    let mut progress = Progress::new(source.len());
    let mut at = |bytes| progress.at(bytes);
    let sink = match files.target() {
        Some(path) if !is_special(path) => Sink::Path(path.to_owned()),
        _ => plaintext(files)?,
    };
    let done = engine.decrypt_file(&job, source, sink, &mut at).await;
    progress.finish();
    tell(arguments, &done?)
}

async fn verify(arguments: &Arguments, place: &Place, input: &Path) -> Result<(), Failure> {
    let context = parse(place)?;
    let source = open(input)?;
    let engine = home::open(arguments).await?;
    let pairs = context.pairs();
    let job = FileJob { target: context.target(&pairs), key: None };
    let mut progress = Progress::new(source.len());
    let mut at = |bytes| progress.at(bytes);
    let done = engine.verify_file(&job, source, &mut at).await;
    progress.finish();
    let report: FileReport = done?;
    if arguments.json {
        return output::json(&report);
    }
    let kind = report.kind.as_deref().unwrap_or("unknown");
    output::line(&format!("verified: {} bytes of content ({kind})", report.content_bytes))
}

async fn read(
    arguments: &Arguments,
    place: &Place,
    range: &str,
    files: &InOut,
) -> Result<(), Failure> {
    let wrong = || Failure::usage("a range is FIRST-LAST, FIRST- or -LENGTH, such as 0-99");
    let range = ByteRange::parse(range).ok_or_else(wrong)?;
    let context = parse(place)?;
    let (source, sink) = (open(&files.input)?, plaintext(files)?);
    let engine = home::open(arguments).await?;
    let pairs = context.pairs();
    let job = FileJob { target: context.target(&pairs), key: None };
    tell(arguments, &engine.read_file(&job, source, range, sink).await?)
}

pub(crate) async fn run_array(arguments: &Arguments, command: &Array) -> Result<(), Failure> {
    let (place, key, input) = match command {
        Array::Encrypt { place, key, files, .. } => (place, key.as_deref(), &files.input),
        Array::Decrypt { place, files } | Array::Read { place, files, .. } => {
            (place, None, &files.input)
        }
        Array::Verify { place, input } => (place, None, input),
    };
    let context = parse(place)?;
    let source = open(input)?;
    let engine = home::open(arguments).await?;
    let pairs = context.pairs();
    let job = FileJob { target: context.target(&pairs), key };
    let mut progress = Progress::new(source.len());
    let mut at = |bytes| progress.at(bytes);
    let done = match command {
        Array::Encrypt { dtype, shape, files, .. } => {
            let layout = ArrayLayout::parse(dtype, shape)?;
            let sink = ciphertext(files)?;
            engine.encrypt_session(&job, &layout, source, sink, &mut at).await
        }
        Array::Decrypt { files, .. } => {
            engine.decrypt_session(&job, source, plaintext(files)?, &mut at).await
        }
        Array::Verify { .. } => engine.verify_session(&job, source, &mut at).await,
        Array::Read { frame, files, .. } => {
            engine.read_session(&job, source, *frame, plaintext(files)?).await
        }
    };
    progress.finish();
    let done: SessionReport = done?;
    match command {
        Array::Verify { .. } if arguments.json => output::json(&done),
        Array::Verify { .. } => output::line(&format!(
            "verified: {} arrays, {} bytes of content",
            done.frames, done.content_bytes
        )),
        _ => tell(arguments, &done),
    }
}

/// Without a place a file is bound to the tenant, `files` and `content`.
fn parse(place: &Place) -> Result<Context, Failure> {
    let Place { place, context, subject, tenant, no_record } = place;
    let parsed = if place.is_none() && context.is_none() {
        Context::of_files(tenant.as_deref().unwrap_or(DEFAULT_TENANT))
    } else {
        Context::parse(place.as_deref(), context.as_deref(), tenant.as_deref(), *no_record)
    };
    parsed?.with_subject(subject.as_deref())
}

fn describe(
    kind: Option<&str>,
    dtype: Option<&str>,
    shape: Option<&str>,
) -> Result<Description, Failure> {
    let known = |name: &str| {
        let names: Vec<&str> = Kind::ALL.iter().map(|kind| kind.name()).collect();
        let unknown = || Failure::usage(format!("a kind is one of {}", names.join(", ")));
        Kind::from_name(name)
            .filter(|kind| !matches!(kind, Kind::Directory | Kind::Array))
            .ok_or_else(unknown)
    };
    let array = dtype.zip(shape).map(|(dtype, shape)| ArrayLayout::parse(dtype, shape));
    Ok(Description { kind: kind.map(known).transpose()?, array: array.transpose()? })
}

fn open(path: &Path) -> Result<Source, Failure> {
    if path == Path::new("-") {
        return Ok(Source::stdin()?);
    }
    Source::open(path)
        .map_err(|error| Failure::Read { path: path.display().to_string(), kind: error.kind() })
}

/// A file that appears whole, a device or pipe with a name, or standard output.
fn plaintext(files: &InOut) -> Result<Sink, Failure> {
    match files.target() {
        Some(path) if is_special(path) => {
            let file = std::fs::OpenOptions::new().write(true).open(path)?;
            Ok(Sink::Pipe(Box::new(file)))
        }
        Some(path) => Ok(Sink::File(ReplaceFile::create(path)?)),
        // without the line buffering of the standard library, which looks for newlines
        None => Ok(Sink::Pipe(Box::new(std::fs::File::from(
            std::io::stdout().as_fd().try_clone_to_owned()?,
        )))),
    }
}

/// As [`plaintext`], but never to a terminal.
fn ciphertext(files: &InOut) -> Result<Sink, Failure> {
    if files.target().is_none() && std::io::stdout().is_terminal() {
        return Err(Failure::usage("name an output file: ciphertext is not for a terminal"));
    }
    plaintext(files)
}

/// To standard error: standard output may carry the content.
fn tell(arguments: &Arguments, report: &impl Serialize) -> Result<(), Failure> {
    if let (true, Ok(value)) = (arguments.json, serde_json::to_value(report)) {
        terminal::say_json(&value);
    }
    Ok(())
}

/// Prints what a file says without a key.
pub(crate) fn show(arguments: &Arguments, found: &StreamInspection) -> Result<(), Failure> {
    if arguments.json {
        return output::json(found);
    }
    let mut text = format!("{}, {} bytes", found.format, found.bytes);
    let mut add = |name: &str, value: String| text.push_str(&format!("\n{name:<16}{value}"));
    if let Some(kind) = found.kind {
        add("kind", kind.to_owned());
    }
    if let Some(array) = &found.array {
        add("array", array.clone());
    }
    if let Some(suite) = found.suite {
        let yes = |flag: Option<bool>| if flag == Some(true) { "yes" } else { "no" }.to_owned();
        add("suite", suite.to_owned());
        add("key version id", found.key_version_id.clone().unwrap_or_default());
        add("record-bound", yes(found.record_bound));
        add("subject-bound", yes(found.subject_bound));
        add("content", format!("{} bytes", found.content_bytes));
    }
    if let Some(frames) = found.frames {
        add("frames", frames.to_string());
    }
    if let (Some(chunks), Some(metadata)) = (found.chunks, found.metadata_bytes) {
        add("chunks", chunks.to_string());
        add("metadata", format!("{metadata} bytes, encrypted: name, kind and layout"));
    }
    output::line(&text)
}
