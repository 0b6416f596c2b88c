//! Completions and the manual page, from the same definitions as the help.

use crate::arguments::Arguments;
use crate::failure::Failure;
use crate::output;
use clap::CommandFactory;

pub(crate) fn completions(shell: clap_complete::Shell) -> Result<(), Failure> {
    let mut out = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "medseal", &mut out);
    output::write(&out)
}

pub(crate) fn page() -> Result<(), Failure> {
    let mut out = Vec::new();
    clap_mangen::Man::new(Arguments::command()).render(&mut out)?;
    output::write(&out)
}
