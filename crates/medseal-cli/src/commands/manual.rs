//! Completions and manual pages, from the same definitions as the help.

use crate::arguments::{Arguments, Manual};
use crate::failure::Failure;
use crate::output::{self, Output};
use clap::{Command, CommandFactory};
use clap_mangen::Man;
use std::fs;
use std::path::Path;

pub(crate) fn completions(shell: clap_complete::Shell) -> Result<(), Failure> {
    let mut out = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "medseal", &mut out);
    output::write(&out)
}

pub(crate) fn run(command: &Manual) -> Result<(), Failure> {
    // `medseal help` would have a page that says nothing
    let mut top = Arguments::command().disable_help_subcommand(true);
    top.build();
    if let Some(directory) = &command.all {
        let failed = |error: std::io::Error| Failure::Write {
            place: format!("`{}`", directory.display()),
            kind: error.kind(),
        };
        fs::create_dir_all(directory).map_err(failed)?;
        return write_pages(&top, directory);
    }
    let found = find(&top, &command.command.join("-"))
        .ok_or_else(|| Failure::usage(format!("no command `{}`", command.command.join(" "))))?;
    output::write(&render(&page(found))?)
}

/// The command whose page has this name, as pages refer to one another: words with `-` between.
fn find<'c>(command: &'c Command, name: &str) -> Option<&'c Command> {
    if name.is_empty() {
        return Some(command);
    }
    command.get_subcommands().find_map(|below| {
        let rest = name.strip_prefix(below.get_name())?;
        find(below, rest.strip_prefix('-').or(rest.is_empty().then_some(""))?)
    })
}

/// The page of a command and of all below it, under the names by which they refer to one another.
fn write_pages(command: &Command, directory: &Path) -> Result<(), Failure> {
    let page = page(command);
    let mut file = Output::open(Some(&directory.join(page.get_filename())))?;
    file.write(&render(&page)?)?;
    file.commit()?;
    command.get_subcommands().try_for_each(|below| write_pages(below, directory))
}

fn page(command: &Command) -> Man {
    Man::new(command.clone()).source(concat!("medseal ", env!("CARGO_PKG_VERSION")))
}

fn render(page: &Man) -> Result<Vec<u8>, Failure> {
    let mut out = Vec::new();
    page.render(&mut out)?;
    Ok(out)
}
