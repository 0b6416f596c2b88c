//! The budgets: a file of at most 800 lines without its tests, a function of at most 80, and a
//! `//!` at the top of every module.
//!
//! These are the hard limits; the aim is half of each. CONTRIBUTING.md gives the reasons.

use std::path::Path;

use crate::failure::{Result, none_of};
use crate::rust_source::{Code, is_test_file};
use crate::workspace::{Workspace, files_below, read};

const FILE_LINES: usize = 800;
const FUNCTION_LINES: usize = 80;

pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let mut offenders = Vec::new();
    for folder in ["crates", "tests", "xtask"] {
        for path in files_below(&workspace.root.join(folder), &[".rs"])? {
            let relative = path.strip_prefix(&workspace.root).unwrap_or(&path);
            offenders.extend(problems(relative, &read(&path)?));
        }
    }
    none_of(
        &offenders,
        "over budget",
        "split the file or the function by ideas, or write the `//!`",
    )
}

fn problems(path: &Path, source: &str) -> Vec<String> {
    let shown = path.display();
    let code = Code::of(source);
    let mut problems = Vec::new();
    let lines = lines_without_tests(path, source, &code);
    if lines > FILE_LINES {
        problems.push(format!("{shown}: {lines} lines without tests, {FILE_LINES} allowed"));
    }
    if path.components().any(|part| part.as_os_str() == "src") && !opens_with_its_reason(source) {
        problems.push(format!("{shown}: does not open with `//!`"));
    }
    for function in code.functions().iter().filter(|function| function.length > FUNCTION_LINES) {
        let (line, name, length) = (function.line, &function.name, function.length);
        problems
            .push(format!("{shown}:{line}: `{name}` has {length} lines, {FUNCTION_LINES} allowed"));
    }
    problems
}

fn lines_without_tests(path: &Path, source: &str, code: &Code) -> usize {
    if is_test_file(path) {
        return 0;
    }
    let tests: usize = code.test_lines().iter().map(ExactSizeIterator::len).sum();
    source.lines().count() - tests
}

/// Inner attributes and blank lines may come first.
fn opens_with_its_reason(source: &str) -> bool {
    let first = source.lines().find(|line| !line.trim().is_empty() && !line.starts_with("#!["));
    first.is_some_and(|line| line.starts_with("//!"))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::problems;

    #[test]
    fn limits_are_inclusive_and_tests_do_not_count() {
        let function =
            |lines: usize| format!("//! Why.\nfn f() {{\n{}}}\n", "x;\n".repeat(lines - 2));
        let file = Path::new("crates/a/src/b.rs");
        assert_eq!(problems(file, &function(80)), [""; 0]);
        assert_eq!(problems(file, &function(81)).len(), 1);
        let long = format!("//! Why.\n{}", "// x\n".repeat(799));
        let tests = "#[cfg(test)]\nmod tests {\n}\n";
        assert_eq!(problems(file, &format!("{long}{tests}")), [""; 0]);
        assert_eq!(problems(file, &format!("{long}// x\n{tests}")).len(), 1);
        assert_eq!(problems(Path::new("tests/a/b.rs"), &format!("{long}// x\n")), [""; 0]);
    }

    #[test]
    fn a_module_without_its_reason_is_named() {
        let found = problems(Path::new("crates/a/src/b.rs"), "use x;\n//! late\n");
        assert_eq!(found, ["crates/a/src/b.rs: does not open with `//!`"]);
    }
}
