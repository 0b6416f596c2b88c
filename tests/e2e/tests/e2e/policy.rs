//! Principals, tokens and the policy, as a person meets them.

use crate::world::{Ran, World, finish, text};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;
use std::process::Command;

const CLINIC: &str = r#"
policy = 1
name = "clinic"
default_purpose = "treatment"
roles = ["nurse"]

[[rule]]
id = "nurses-call"
effect = "allow"
roles = ["nurse"]
operations = ["decrypt"]
classes = ["phone"]

[[rule]]
id = "admins-govern"
effect = "allow"
roles = ["admin"]
operations = ["manage-principals", "manage-policy", "read-principals"]
"#;

/// A home with the policy and a nurse, whose token is returned; and two envelopes.
fn clinic(world: &World) -> (String, [Vec<u8>; 2]) {
    world.write("clinic.toml", CLINIC);
    world.ok(&["policy", "set", "clinic.toml"], b"");
    world.ok(&["principal", "create", "nadia"], b"");
    world.ok(&["role", "grant", "nadia", "nurse"], b"");
    let token = String::from_utf8(world.ok(&["token", "create", "nadia"], b"")).unwrap();
    let sealed = ["phone", "ssn"].map(|class| {
        let field = format!("patient/{class}");
        world.ok(&["field", "define", &field, "--class", class], b"");
        world.ok(&["encrypt", "-c", &format!("{field}/17")], b"secret")
    });
    (token.trim_end().to_owned(), sealed)
}

#[test]
fn a_nurse_decrypts_phone_and_not_ssn() {
    let mut world = World::new();
    let (token, [phone, ssn]) = clinic(&world);
    world.write("token", format!("{token}\n"));
    let by_file = ["--access-token", "@token", "decrypt", "-c"];
    let decrypt = |place| [&by_file[..], &[place]].concat();
    assert_eq!(world.ok(&decrypt("patient/phone/17"), &phone), b"secret");
    let told = world.refused(&decrypt("patient/ssn/17"), &ssn, 5, "DENIED");
    let decision = told.split("decision ").nth(1).unwrap().get(..16).unwrap();
    let entry = world.json(&["audit", "list", "--decision", decision]);
    assert_eq!(
        (text(&entry["outcome"]), text(&entry["principal"])),
        ("denied".into(), "nadia".into())
    );
    assert_eq!(text(&entry["purpose"]), "treatment");
    world.env.push(("MEDSEAL_TOKEN".to_owned(), token));
    assert_eq!(world.ok(&["decrypt", "-c", "patient/phone/17"], &phone), b"secret");
    world.refused(&["decrypt", "-c", "patient/ssn/17"], &ssn, 5, "DENIED");
    world.refused(&["key", "rotate", "default"], b"", 5, "DENIED");
    world.refused(&["--as", "nadia", "decrypt", "-c", "patient/phone/17"], &phone, 5, "DENIED");
}

#[test]
fn a_simulation_exits_like_the_decision() {
    let world = World::new();
    clinic(&world);
    let simulate =
        |place: &str| world.run(&["policy", "simulate", "nadia", "decrypt", "-c", place], b"");
    let (phone, ssn) = (simulate("patient/phone"), simulate("patient/ssn"));
    assert_eq!((phone.code, ssn.code), (0, 5));
    assert!(phone.out().starts_with("allowed: by rule nurses-call\n"), "{}", phone.out());
    assert!(ssn.out().contains("nurses-call"), "{}", ssn.out());
    assert!(ssn.out().contains("does not apply: class"), "{}", ssn.out());
    world.refused(&["policy", "simulate", "nadia", "decrypt"], b"", 2, "USAGE");
    world.refused(&["policy", "simulate", "nadia", "dance"], b"", 2, "USAGE");
    world.refused(
        &["policy", "simulate", "zoe", "decrypt", "-c", "p"],
        b"",
        2,
        "PRINCIPAL_NOT_FOUND",
    );
}

#[test]
fn tokens_are_never_arguments_and_wrong_ones_are_told_apart_from_nothing() {
    let world = World::new();
    let (token, [phone, _]) = clinic(&world);
    world.refused(
        &["--access-token", &token, "decrypt", "-c", "patient/phone/17"],
        &phone,
        2,
        "USAGE",
    );
    let other = format!("{}AAAA", &token[..token.len() - 4]);
    for wrong in [other.as_str(), "mst_", "x", ""] {
        world.write("wrong", wrong);
        let args = ["--access-token", "@wrong", "decrypt", "-c", "patient/phone/17"];
        world.refused(&args, &phone, 5, "TOKEN_REJECTED");
    }
    // a token is never printed again
    let listed = world.run(&["token", "list"], b"").out();
    assert!(!listed.contains("mst_") && !listed.contains(&token[4..20]), "{listed}");
    for file in world.files() {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let bytes = fs::read(&file).unwrap();
        let found = bytes.windows(token.len()).any(|w| w == token.as_bytes());
        assert!(!found, "{name} holds the token");
    }
}

#[test]
fn a_policy_is_refused_with_its_place() {
    let world = World::new();
    let cases = [
        ("policy = 1\nname = \"x\"\ncolour = 1\n", "POLICY_SYNTAX", "line 3, column 1"),
        (
            "policy = 1\nname = \"x\"\nroles = [\"admin\"]\n",
            "POLICY_DUPLICATE",
            "line 3, column 10",
        ),
        ("policy = 1\nname = \"x\"\nroles = []\n", "POLICY_EMPTY", "line 3, column 9"),
        ("policy = 1\nname = \"x\"\ndefault_purpose = \"fun\"\n", "POLICY_UNKNOWN_NAME", "line 3"),
    ];
    for (document, code, place) in cases {
        world.write("policy.toml", document);
        for command in ["check", "set"] {
            let told = world.refused(&["policy", command, "policy.toml"], b"", 3, code);
            assert!(told.contains(place), "{told}");
        }
    }
    assert_eq!(world.json(&["policy", "show"])["revision"], 0, "nothing was set");
}

#[test]
fn a_case_and_a_token_reach_no_file() {
    let world = World::new();
    let (token, [phone, ssn]) = clinic(&world);
    world.write("token", &token);
    let case = "Müller-Lüdenscheidt 4711";
    let args = ["--access-token", "@token", "--case", case, "decrypt", "-c"];
    world.ok(&[&args[..], &["patient/phone/17"]].concat(), &phone);
    let told = world.refused(&[&args[..], &["patient/ssn/17"]].concat(), &ssn, 5, "DENIED");
    assert!(!told.contains("4711"), "{told}");
    for file in world.files() {
        let bytes = fs::read(&file).unwrap();
        assert!(!bytes.windows(case.len()).any(|w| w == case.as_bytes()), "{}", file.display());
    }
    let last = world.json(&["audit", "verify"])["entries"].as_u64().unwrap() - 1;
    let shown = world.run(&["audit", "show", &last.to_string(), "--details"], b"").out();
    assert!(shown.contains(case), "{shown}");
}

const NOBODY: u32 = 65_534;

/// Whether the tests may run commands as another user: they run as root, and setpriv is there.
fn can_be_nobody(world: &World) -> bool {
    let me = fs::metadata(world.home()).unwrap().uid();
    let can = me == 0 && Path::new("/usr/bin/setpriv").exists();
    assert!(can || std::env::var_os("CI").is_none(), "CI runs as root and has setpriv");
    can
}

/// Gives everything in the home to a user, and leaves the home's directory to root: whose directory it
/// is says who the owner is.
fn hand_over(directory: &Path, user: u32) {
    for entry in fs::read_dir(directory).unwrap().flatten() {
        chown(entry.path(), Some(user), Some(user)).unwrap();
        if entry.path().is_dir() {
            hand_over(&entry.path(), user);
        }
    }
}

/// Runs the command as the user 65534, to whom all files belong meanwhile.
fn as_nobody(world: &World, args: &[&str], stdin: &[u8]) -> Ran {
    for directory in [world.path(""), world.home()] {
        fs::set_permissions(directory, PermissionsExt::from_mode(0o777)).unwrap();
    }
    hand_over(&world.home(), NOBODY);
    let plain = world.command(args);
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
    command.arg(plain.get_program()).args(plain.get_args()).current_dir(world.path(""));
    for (name, value) in plain.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    // a build that counts the lines it runs cannot write its counts as nobody, and says so
    command.env("LLVM_PROFILE_FILE", "/dev/null");
    let ran = finish(&mut command, stdin);
    hand_over(&world.home(), 0);
    ran
}

/// All files are theirs and the passphrase is known: the decision alone stands in the way.
#[test]
fn another_user_of_the_operating_system_is_denied_until_a_principal_stands_for_it() {
    let mut world = World::empty();
    world.write("passphrase", "correct horse battery staple\n");
    world.globals = ["--passphrase-file", "passphrase"].map(str::to_owned).into();
    world.ok(&["init", "--root", "passphrase"], b"");
    if !can_be_nobody(&world) {
        return;
    }
    let (_, [phone, ssn]) = clinic(&world);
    let decrypt = ["decrypt", "-c", "patient/phone/17", "--json"];
    let denied = as_nobody(&world, &decrypt, &phone);
    assert_eq!((denied.code, text(&denied.error()["code"])), (5, "DENIED".to_owned()));
    assert!(text(&denied.error()["message"]).contains("os-user:65534"));

    world.ok(&["principal", "create", "nobody", "--os-user", "nobody", "--kind", "os-user"], b"");
    world.ok(&["role", "grant", "nobody", "nurse"], b"");
    let allowed = as_nobody(&world, &["decrypt", "-c", "patient/phone/17"], &phone);
    assert_eq!((allowed.code, allowed.stdout.as_slice()), (0, &b"secret"[..]), "{}", allowed.err());
    let denied = as_nobody(&world, &["decrypt", "-c", "patient/ssn/17"], &ssn);
    assert_eq!(denied.code, 5, "{}", denied.err());
    for args in [
        &["key", "rotate", "default"][..],
        &["principal", "list"],
        &["role", "grant", "nobody", "admin"],
        &["policy", "set", "clinic.toml"],
    ] {
        assert_eq!(as_nobody(&world, args, b"").code, 5, "{args:?}");
    }
    world.ok(&["principal", "disable", "nobody"], b"");
    let denied = as_nobody(&world, &decrypt, &phone);
    assert_eq!(denied.code, 5, "{}", denied.err());
    // the owner is still the owner
    assert_eq!(world.ok(&["decrypt", "-c", "patient/ssn/17"], &ssn), b"secret");
    world.ok(&["audit", "verify"], b"");
}

#[test]
fn the_independent_verifier_knows_the_new_members() {
    let world = World::new();
    let (token, [phone, ssn]) = clinic(&world);
    world.write("token", &token);
    let as_nurse =
        ["--access-token", "@token", "--case", "4711", "--purpose", "emergency", "decrypt", "-c"];
    world.ok(&[&as_nurse[..], &["patient/phone/17"]].concat(), &phone);
    world.refused(&[&as_nurse[..], &["patient/ssn/17"]].concat(), &ssn, 5, "DENIED");
    world.ok(&["--as", "nadia", "decrypt", "-c", "patient/phone/17"], &phone);
    world.write("vkey", world.ok(&["audit", "key"], b""));
    let script = crate::world::workspace().join("reference/verify_audit.py");
    let paths = [script, world.home().join("audit"), world.path("vkey")];
    let paths = paths.each_ref().map(|path| path.to_str().unwrap());
    assert!(crate::world::python(&paths, "").starts_with("ok: "));
}

/// A document's values are counted together, and a batch that does not fit is refused whole.
#[test]
fn a_budget_of_records_stops_a_run() {
    let world = World::new();
    let rules = CLINIC.replace("classes = [\"phone\"]\n", "");
    let budget = "[[budget]]\nid = \"charts\"\nroles = [\"nurse\"]\noperations = [\"decrypt\"]\n\
                  counts = \"records\"\nwindow = \"1h\"\nalarm = 2\nstop = 3\n";
    world.write("clinic.toml", format!("{rules}{budget}"));
    world.ok(&["policy", "set", "clinic.toml"], b"");
    world.ok(&["principal", "create", "nadia"], b"");
    world.ok(&["role", "grant", "nadia", "nurse"], b"");
    world.write("token", world.ok(&["token", "create", "nadia"], b""));
    let one = |id: &str| {
        let document = format!(
            "{{\"id\":\"{id}\",\"ssn\":\"900-12-3456\",\"name\":[{{\"family\":\"Doe\"}}]}}\n"
        );
        world.ok(&["record", "encrypt"], document.as_bytes())
    };
    let decrypt = ["--access-token", "@token", "record", "decrypt"];
    let [a, b, c, d] = ["a", "b", "c", "d"].map(one);
    world.ok(&decrypt, &a);
    world.ok(&decrypt, &b);
    world.refused(&decrypt, &[c.clone(), d].concat(), 5, "BUDGET_EXCEEDED");
    world.ok(&decrypt, &c);
    world.refused(&decrypt, &c, 5, "BUDGET_EXCEEDED");
    let alarms = world.run(&["audit", "list", "--alarms"], b"").out();
    assert_eq!(alarms.matches("ALARM charts").count(), 3, "{alarms}");
}

#[test]
fn an_emergency_is_opened_listed_and_reviewed() {
    let world = World::new();
    let (token, [_, ssn]) = clinic(&world);
    world.write("token", &token);
    let glass =
        "[break_glass]\nroles = [\"nurse\"]\noperations = [\"decrypt\"]\nduration = \"1h\"\n";
    world.write("glass.toml", format!("{CLINIC}{glass}"));
    let decrypt = ["--access-token", "@token", "decrypt", "-c", "patient/ssn/17"];
    let broken = [&decrypt[..], &["--break-glass", "--reason", "unconscious, Müller"]].concat();
    world.refused(&broken, &ssn, 5, "DENIED");
    world.ok(&["policy", "set", "glass.toml"], b"");
    world.refused(&[&decrypt[..], &["--break-glass"]].concat(), &ssn, 2, "BREAK_GLASS_REASON");
    world.refused(&decrypt, &ssn, 5, "DENIED");
    assert_eq!(world.ok(&broken, &ssn), b"secret");
    let listed = world.json(&["break-glass", "list"]);
    assert_eq!(text(&listed[0]["state"]), "open");
    assert_eq!(text(&listed[0]["reason"]), "unconscious, Müller");
    let id = text(&listed[0]["id"]);
    let used = world.run(&["audit", "list", "--alarms"], b"").out();
    assert_eq!(used.matches(&format!("ALARM break-glass-{id}")).count(), 2, "{used}");
    world.refused(
        &["--access-token", "@token", "break-glass", "review", &id],
        b"",
        5,
        "REVIEW_REFUSED",
    );
    world.ok(&["break-glass", "review", &id], b"");
    assert_eq!(text(&world.json(&["break-glass", "list"])[0]["state"]), "reviewed");
    for file in world.files() {
        let bytes = fs::read(&file).unwrap();
        let needle = "unconscious, Müller".as_bytes();
        assert!(!bytes.windows(needle.len()).any(|w| w == needle), "{}", file.display());
    }
    // `--reason` of a change is still the change's own
    world.ok(&["key", "rotate", "default", "--reason", "yearly"], b"");
    let key = world.json(&["key", "show", "default"]);
    assert!(key.to_string().contains("yearly"), "{key}");
}
