//! The shell blocks of the README do what they say.

use crate::world::{World, binary, finish, workspace};
use std::fs;
use std::process::Command;

/// The blocks that start with a line "```sh".
fn blocks(page: &str) -> Vec<String> {
    let after = page.split("\n```sh\n").skip(1);
    after.map(|rest| rest.split("\n```").next().unwrap().to_owned()).collect()
}

#[test]
fn blocks_are_found() {
    let page = "x\n```sh\na\nb\n```\n```toml\nc\n```\n\n```sh\nd\n```\n";
    assert_eq!(blocks(page), ["a\nb", "d"]);
}

#[test]
fn every_block_runs() {
    let page = fs::read_to_string(workspace().join("README.md")).expect("README.md is missing");
    let blocks = blocks(&page);
    assert!(!blocks.is_empty(), "README.md has no ```sh block");
    let world = World::empty();
    fs::create_dir(world.path("bin")).unwrap();
    std::os::unix::fs::symlink(binary(), world.path("bin/medseal")).unwrap();
    fs::create_dir(world.path("work")).unwrap();
    for block in blocks.iter().filter(|b| !b.contains("cargo ")) {
        let path = std::env::var("PATH").unwrap_or_default();
        let path = format!("{}:{path}", world.path("bin").display());
        let mut shell = Command::new("sh");
        shell.args(["-e", "-c", block]).current_dir(world.path("work")).env("PATH", path);
        let ran = finish(shell.env_remove("MEDSEAL_HOME"), b"");
        assert_eq!(ran.code, 0, "{block}\n{}", ran.err());
    }
}
