//! What every test needs: a home in a temporary directory and the binary run on it.

use serde_json::Value;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// The place of most values.
pub(crate) const PLACE: &str = "patients/last_name/p1";

/// The workspace's root.
pub(crate) fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// The binary under test.
pub(crate) fn binary() -> PathBuf {
    if let Some(path) = std::env::var_os("MEDSEAL_BIN") {
        return fs::canonicalize(&path).expect("$MEDSEAL_BIN names no file");
    }
    let built = ["release", "debug"].map(|p| workspace().join("target").join(p).join("medseal"));
    let found = built.into_iter().find(|path| path.is_file());
    found.expect("no medseal binary: set MEDSEAL_BIN or run `cargo build --release -p medseal-cli`")
}

/// Runs Python with arguments; fails where there is none.
pub(crate) fn python(args: &[&str], stdin: &str) -> String {
    let program = std::env::var("MEDSEAL_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let mut command = Command::new(&program);
    let ran = finish(command.args(args), stdin.as_bytes());
    assert_eq!(ran.code, 0, "{program} (it needs the module `cryptography`): {}", ran.err());
    ran.out()
}

/// What a finished command left.
pub(crate) struct Ran {
    /// Its exit code; -1 after a signal.
    pub(crate) code: i32,
    /// Standard output.
    pub(crate) stdout: Vec<u8>,
    /// Standard error.
    pub(crate) stderr: Vec<u8>,
}

impl Ran {
    pub(crate) fn out(&self) -> String {
        String::from_utf8(self.stdout.clone()).unwrap()
    }

    pub(crate) fn err(&self) -> String {
        String::from_utf8(self.stderr.clone()).unwrap()
    }

    /// The error object that `--json` prints.
    pub(crate) fn error(&self) -> Value {
        let line = self.err();
        let parsed: Result<Value, _> = serde_json::from_str(line.trim());
        parsed.unwrap_or_else(|_| panic!("exit {}, no JSON error: {line}", self.code))["error"]
            .take()
    }
}

/// Waits for a command that got `stdin`.
pub(crate) fn finish(command: &mut Command, stdin: &[u8]) -> Ran {
    let mut child = spawn(command);
    let mut pipe = child.stdin.take().unwrap();
    let input = stdin.to_vec();
    // a refusing command need not read its input
    let writer = std::thread::spawn(move || pipe.write_all(&input));
    let output = child.wait_with_output().unwrap();
    let _ = writer.join().unwrap();
    let code = output.status.code().unwrap_or(-1);
    Ran { code, stdout: output.stdout, stderr: output.stderr }
}

fn spawn(command: &mut Command) -> Child {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// A directory with a home in it.
pub(crate) struct World {
    dir: TempDir,
    /// Passed before the arguments of every command.
    pub(crate) globals: Vec<String>,
    /// Set for every command.
    pub(crate) env: Vec<(String, String)>,
}

impl World {
    /// A directory without a home.
    pub(crate) fn empty() -> Self {
        Self { dir: tempfile::tempdir().unwrap(), globals: Vec::new(), env: Vec::new() }
    }

    /// With a development home whose root is a file.
    pub(crate) fn new() -> Self {
        let world = Self::empty();
        world.ok(&["init"], b"");
        world
    }

    /// With a production home.
    pub(crate) fn production() -> Self {
        let world = Self::empty();
        world.ok(&["init", "--environment", "production"], b"");
        world
    }

    /// A file of the directory.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The home.
    pub(crate) fn home(&self) -> PathBuf {
        self.path("home")
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(name), content).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    /// A command on this home, not started yet.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(binary());
        command.current_dir(self.dir.path()).env_remove("MEDSEAL_ROOT_KEY");
        command.env_remove("MEDSEAL_TOKEN");
        command.env("MEDSEAL_HOME", self.home());
        command.envs(self.env.iter().map(|(n, v)| (n, v)));
        command.args(&self.globals).args(args);
        command
    }

    pub(crate) fn run(&self, args: &[&str], stdin: &[u8]) -> Ran {
        finish(&mut self.command(args), stdin)
    }

    /// Standard output of a command that must succeed.
    pub(crate) fn ok(&self, args: &[&str], stdin: &[u8]) -> Vec<u8> {
        let ran = self.run(args, stdin);
        assert_eq!(ran.code, 0, "{args:?}: {}", ran.err());
        ran.stdout
    }

    /// As [`World::ok`], as JSON.
    pub(crate) fn json(&self, args: &[&str]) -> Value {
        let out = self.ok(&[args, &["--json"]].concat(), b"");
        serde_json::from_slice(&out).unwrap()
    }

    /// A command that must be refused with this exit code and code, and print nothing; gives the
    /// message.
    pub(crate) fn refused(&self, args: &[&str], stdin: &[u8], exit: i32, code: &str) -> String {
        let ran = self.run(&[args, &["--json"]].concat(), stdin);
        let out = String::from_utf8_lossy(&ran.stdout);
        assert_eq!(out, "", "{args:?} printed something");
        let error = ran.error();
        assert_eq!((ran.code, error["code"].as_str()), (exit, Some(code)), "{args:?}: {error}");
        error["message"].as_str().unwrap().to_owned()
    }

    /// Encrypts a text at [`PLACE`].
    pub(crate) fn encrypt(&self, text: &str) -> Vec<u8> {
        self.ok(&["encrypt", "-c", PLACE], text.as_bytes())
    }

    /// Decrypts at [`PLACE`].
    pub(crate) fn decrypt(&self, envelope: &[u8]) -> Vec<u8> {
        self.ok(&["decrypt", "-c", PLACE], envelope)
    }

    /// The number of the primary version of `key` and the states of all versions.
    pub(crate) fn versions(&self, key: &str) -> (String, Vec<String>) {
        let key = self.json(&["key", "show", key]);
        let states = key["versions"].as_array().unwrap().iter().map(|v| text(&v["state"]));
        (text(&key["primary"]), states.collect())
    }

    /// Every regular file below the directory.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        walk(self.dir.path(), &mut found);
        found
    }
}

fn walk(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() { walk(&path, found) } else { found.push(path) }
    }
}

/// The string in a JSON value.
pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no string: {value}")).to_owned()
}
