//! What must not compile: proofs of a decision and of its record that somebody makes, copies or uses
//! for something else, and the functions behind them. Each line is given to the compiler beside the
//! crates of this build and must be refused for the reason that is named.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

const NEEDED: &str = "
    use medseal_engine::{Engine, ledger::Recorded};
    use medseal_policy::approval::{Approved, Controlled, CreateEscrow, DestroyKey};
    use medseal_policy::{Authorized, Decrypt, Encrypt, EraseSubject, Op};
";

/// Uses of the proofs as they are meant; without them a refusal would prove nothing.
const MEANT: &str = "
    fn both(authorized: Authorized<Decrypt>, recorded: Recorded) -> bool {
        authorized.digest() == recorded.digest()
    }
    fn engine(engine: &Engine) -> u32 { let _ = engine.environment(); 1 }
";

/// What is wrong, and the compiler's code for it.
const REFUSED: [(&str, &str); 22] = [
    ("fn f(o: Recorded) -> Recorded { Recorded { digest: o.digest() } }", "E0451"),
    (
        "fn f(o: Authorized<Decrypt>) -> Authorized<Decrypt> { Authorized { digest: o.digest(), ..o } }",
        "E0451",
    ),
    ("fn f() -> Recorded { Recorded::default() }", "E0599"),
    ("fn f() -> Authorized<Decrypt> { Default::default() }", "E0277"),
    ("fn f(o: &Recorded) -> Recorded { o.clone() }", "E0308"),
    ("fn f(o: &Authorized<Decrypt>) -> Authorized<Decrypt> { o.clone() }", "E0308"),
    ("fn f(o: Recorded) { drop(o); drop(o); }", "E0382"),
    ("fn f(o: Authorized<EraseSubject>) { drop(o); drop(o); }", "E0382"),
    ("fn f(o: Authorized<Encrypt>) -> Authorized<Decrypt> { o }", "E0308"),
    ("struct Own; impl Op for Own {}", "E0277"),
    ("fn f(e: &Engine) { let _ = e.decrypt_admitted(); }", "E0624"),
    ("fn f(e: &Engine) { let _ = e.commit_planned(); }", "E0624"),
    ("fn f(e: &Engine) { let _ = e.erase(); }", "E0624"),
    ("fn f(e: &Engine) { let _ = &e.kwk; }", "E0616"),
    ("fn f(o: Approved<DestroyKey>) -> Approved<DestroyKey> { Approved { ..o } }", "E0451"),
    ("fn f() -> Approved<DestroyKey> { Default::default() }", "E0277"),
    ("fn f(o: &Approved<DestroyKey>) -> Approved<DestroyKey> { o.clone() }", "E0308"),
    ("fn f(o: Approved<DestroyKey>) { drop(o); drop(o); }", "E0382"),
    ("fn f(o: Approved<CreateEscrow>) -> Approved<DestroyKey> { o }", "E0308"),
    ("enum Own {} impl Controlled for Own { type Operation = Decrypt; }", "E0277"),
    ("fn f(e: &Engine) { let _ = e.split_kwk(); }", "E0624"),
    ("fn f(e: &Engine) { let _ = e.commit_approved(); }", "E0624"),
];

/// Where the crates of this build are: beside the test itself.
fn built() -> PathBuf {
    env::current_exe().unwrap().parent().unwrap().to_owned()
}

/// The newest build of a crate, which is the one that this test was linked with.
fn newest(name: &str) -> PathBuf {
    let prefix = format!("lib{name}-");
    let is_of_crate = |path: &PathBuf| {
        let file = path.file_name().unwrap().to_string_lossy();
        file.starts_with(&prefix) && file.ends_with(".rlib")
    };
    let paths = fs::read_dir(built()).unwrap().map(|entry| entry.unwrap().path());
    let time = |path: &PathBuf| fs::metadata(path).unwrap().modified().unwrap();
    paths.filter(is_of_crate).max_by_key(time).expect("the crate was built for this test")
}

/// What the compiler says; nothing when it accepts.
fn compile(directory: &Path, body: &str) -> String {
    let source = directory.join("snippet.rs");
    fs::write(&source, format!("#![allow(unused)]\n{NEEDED}{body}")).unwrap();
    let external = |name: &str| {
        let mut argument = OsString::from(format!("{name}="));
        argument.push(newest(name));
        argument
    };
    let mut dependency = OsString::from("dependency=");
    dependency.push(built());
    let mut compiler = Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    compiler.args(["--edition", "2024", "--crate-type", "lib", "--emit", "metadata"]);
    compiler.arg("--out-dir").arg(directory).arg("-L").arg(dependency);
    compiler.arg("--extern").arg(external("medseal_engine"));
    compiler.arg("--extern").arg(external("medseal_policy")).arg(source);
    let output = compiler.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.success(), !said.contains("error"), "{said}");
    said
}

#[test]
fn nothing_is_done_with_a_proof_that_was_not_earned() {
    let directory = tempfile::tempdir().unwrap();
    assert_eq!(compile(directory.path(), MEANT), "");
    for (line, code) in REFUSED {
        let said = compile(directory.path(), line);
        assert!(said.contains(&format!("error[{code}]")), "{line}\n{said}");
    }
}
