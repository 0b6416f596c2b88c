//! What the sources of a pure crate must not name.
//!
//! The layer table stops crates; this stops the standard library, which needs no dependency.
//! Tests of a pure crate may read their vectors from files and are not looked at.

use crate::failure::{Result, none_of};
use crate::layers::pure_packages;
use crate::rust_source::{Code, is_test_file};
use crate::workspace::{Package, Workspace, files_below, read};

const FORBIDDEN_PATHS: &[&str] =
    &["fs", "net", "env", "thread", "process", "time::SystemTime", "time::Instant"];
const FORBIDDEN_WORDS: &[&str] = &["async fn", "async move", "unsafe"];
const FORBID_UNSAFE: &str = "#![forbid(unsafe_code)]";

pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let mut offenders = Vec::new();
    for package in pure_packages(workspace) {
        check_package(workspace, package, &mut offenders)?;
    }
    none_of(
        &offenders,
        "a pure crate touches the world outside",
        "take the value as an argument; the engine owns clock, files, environment and threads",
    )
}

fn check_package(
    workspace: &Workspace,
    package: &Package,
    offenders: &mut Vec<String>,
) -> Result<()> {
    let sources = package.folder.join("src");
    if !read(&sources.join("lib.rs"))?.contains(FORBID_UNSAFE) {
        offenders.push(format!("{}: src/lib.rs lacks {FORBID_UNSAFE}", package.name));
    }
    for path in files_below(&sources, &[".rs"])? {
        if !is_test_file(path.strip_prefix(&workspace.root).unwrap_or(&path)) {
            let found = impurities(&Code::of(&read(&path)?).without_tests());
            let shown = workspace.relative(&path);
            offenders.extend(found.iter().map(|(line, what)| format!("{shown}:{line}: {what}")));
        }
    }
    Ok(())
}

fn impurities(code: &Code) -> Vec<(usize, String)> {
    let words = FORBIDDEN_WORDS.iter().flat_map(|word| {
        code.words(word).map(|at| (code.line(at), (*word).to_owned())).collect::<Vec<_>>()
    });
    let mut found: Vec<_> = words.chain(forbidden_paths(code)).collect();
    found.sort();
    found
}

fn forbidden_paths(code: &Code) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for at in code.words("std") {
        let rest = code.text(at..code.len().min(at + 400));
        let forbidden = paths(&rest).into_iter().filter(|path| is_forbidden(path));
        found.extend(forbidden.map(|path| (code.line(at), path)));
    }
    found
}

/// Whether the path is a forbidden one, stands inside one, or takes one in with `*`.
fn is_forbidden(path: &str) -> bool {
    let Some(inner) = path.strip_prefix("std::") else { return false };
    FORBIDDEN_PATHS.iter().any(|entry| match inner.strip_suffix('*') {
        Some(parent) => entry.starts_with(parent) || parent.starts_with(&format!("{entry}::")),
        None => inner == *entry || inner.starts_with(&format!("{entry}::")),
    })
}

/// The paths that start here, with the braces of a `use` multiplied out.
fn paths(text: &str) -> Vec<String> {
    let end =
        text.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')).unwrap_or(text.len());
    let (head, rest) = text.split_at(end);
    if !head.ends_with("::") {
        return vec![head.to_owned()];
    }
    if rest.starts_with('*') {
        return vec![format!("{head}*")];
    }
    let Some(group) = rest.strip_prefix('{') else { return vec![head.to_owned()] };
    members(group).iter().flat_map(|m| paths(m)).map(|tail| format!("{head}{tail}")).collect()
}

/// The members of a group up to its closing brace.
fn members(group: &str) -> Vec<String> {
    let (mut depth, mut member, mut all) = (0_usize, String::new(), Vec::new());
    for character in group.chars().filter(|character| !character.is_whitespace()) {
        match character {
            '}' if depth == 0 => break,
            ',' if depth == 0 => all.push(std::mem::take(&mut member)),
            _ => {
                depth = depth + usize::from(character == '{') - usize::from(character == '}');
                member.push(character);
            }
        }
    }
    all.push(member);
    all
}

#[cfg(test)]
mod tests {
    use super::{check, impurities};
    use crate::rust_source::Code;
    use crate::workspace::Workspace;

    fn found(source: &str) -> Vec<String> {
        impurities(&Code::of(source).without_tests()).into_iter().map(|(_, what)| what).collect()
    }

    #[test]
    fn the_pure_crates_are_pure() {
        if let Err(failure) = check(&Workspace::find().unwrap()) {
            panic!("{failure}");
        }
    }

    #[test]
    fn impure_code_is_found_in_every_spelling() {
        assert_eq!(found("use std::fs;"), ["std::fs"]);
        assert_eq!(found("use std::{fmt, fs::{self, File}};"), ["std::fs::File", "std::fs::self"]);
        assert_eq!(found("use std::time::{Duration, Instant};"), ["std::time::Instant"]);
        assert_eq!(found("let x = ::std::env::var(\"A\");"), ["std::env::var"]);
        assert_eq!(found("use std::time::*;"), ["std::time::*"]);
        assert_eq!(found("async fn f() { unsafe { g() } }"), ["async fn", "unsafe"]);
    }

    #[test]
    fn pure_code_comments_and_tests_pass() {
        let source = "// unsafe std::fs\n#![forbid(unsafe_code)]\nuse std::time::Duration;\n\
                      use std::{fmt, io};\n#[cfg(test)]\nmod tests { use std::fs; }\n";
        assert_eq!(found(source), [""; 0]);
    }
}
