//! The shell blocks of the README and of the pages in `docs/` do what they say.
//!
//! A block is every line between "```sh" and "```". The blocks of one page run in their order, in
//! one directory that is empty at first; each page has a directory of its own. Blocks of another
//! kind ("```text") do not run.

use crate::world::{World, binary, finish, workspace};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The blocks that start with a line "```sh".
fn blocks(page: &str) -> Vec<String> {
    let after = page.split("\n```sh\n").skip(1);
    after.map(|rest| rest.split("\n```").next().unwrap().to_owned()).collect()
}

/// The README and every page of `docs/`.
fn pages() -> Vec<PathBuf> {
    let docs = fs::read_dir(workspace().join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let mut pages: Vec<PathBuf> =
        docs.filter(|path| path.extension().is_some_and(|e| e == "md")).collect();
    pages.push(workspace().join("README.md"));
    pages.sort();
    pages
}

/// Runs the blocks of one page; says what the first that failed printed.
fn run(page: &Path, text: &str) -> Result<usize, String> {
    let world = World::empty();
    fs::create_dir(world.path("bin")).unwrap();
    std::os::unix::fs::symlink(binary(), world.path("bin/medseal")).unwrap();
    fs::create_dir(world.path("work")).unwrap();
    let blocks = blocks(text);
    let of_medseal = blocks.iter().filter(|block| !block.contains("cargo "));
    for block in of_medseal {
        let path = std::env::var("PATH").unwrap_or_default();
        let path = format!("{}:{path}", world.path("bin").display());
        let mut shell = Command::new("sh");
        shell.args(["-e", "-c", block]).current_dir(world.path("work")).env("PATH", path);
        let ran = finish(shell.env_remove("MEDSEAL_HOME"), b"");
        if ran.code != 0 {
            return Err(format!("{}, exit {}\n{block}\n{}", page.display(), ran.code, ran.err()));
        }
    }
    Ok(blocks.len())
}

#[test]
fn blocks_are_found() {
    let page = "x\n```sh\na\nb\n```\n```toml\nc\n```\n\n```sh\nd\n```\n";
    assert_eq!(blocks(page), ["a\nb", "d"]);
}

#[test]
fn a_failing_line_fails_its_page() {
    let page = Path::new("page.md");
    let text = |last: &str| format!("x\n```sh\nmedseal init\n```\n```sh\n{last}\n```\n");
    assert_eq!(run(page, &text("medseal doctor")), Ok(2));
    let failed = run(page, &text("false\nmedseal doctor")).unwrap_err();
    assert!(failed.starts_with("page.md, exit 1"), "{failed}");
    assert!(run(page, &text("medseal key show nobody")).is_err());
}

#[test]
fn every_block_of_every_page_runs() {
    let mut ran = Vec::new();
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        let blocks = run(&page, &text).unwrap_or_else(|failed| panic!("{failed}"));
        if blocks > 0 {
            ran.push(page.file_name().unwrap().to_string_lossy().into_owned());
        }
    }
    assert!(ran.contains(&"README.md".to_owned()), "the README has no ```sh block: {ran:?}");
}
