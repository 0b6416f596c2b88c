//! A value and a root key stand nowhere but where they belong.

use crate::reference::{Keys, bytes_of};
use crate::world::{PLACE, Ran, World};
use std::fs;

const CANARY: &str = "QzCanary7Vx";

/// A text in the forms in which it could leak.
fn forms(secret: &[u8]) -> Vec<Vec<u8>> {
    let hex: String = secret.iter().map(|b| format!("{b:02x}")).collect();
    let wide =
        |order: fn(u16) -> [u8; 2]| secret.iter().flat_map(|b| order(u16::from(*b))).collect();
    let mut forms = vec![
        secret.to_vec(),
        hex.to_uppercase().into_bytes(),
        hex.into_bytes(),
        wide(u16::to_le_bytes),
        wide(u16::to_be_bytes),
    ];
    forms.extend((0..3).map(|shift| base64_core(secret, shift)));
    forms
}

/// The characters of a base64 text that depend on `secret` alone when `shift` bytes precede it.
fn base64_core(secret: &[u8], shift: usize) -> Vec<u8> {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let start = (3 - shift) % 3;
    let whole = secret[start..].chunks_exact(3);
    let digits = whole.flat_map(|c| {
        let bits = u32::from(c[0]) << 16 | u32::from(c[1]) << 8 | u32::from(c[2]);
        [18, 12, 6, 0].map(|s| ALPHABET[(bits >> s & 63) as usize])
    });
    digits.collect()
}

fn holds(haystack: &[u8], secret: &[u8]) -> bool {
    let url: Vec<u8> = haystack
        .iter()
        .map(|b| match b {
            b'-' => b'+',
            b'_' => b'/',
            b => *b,
        })
        .collect();
    forms(secret).iter().any(|f| [haystack, &url].iter().any(|h| find(h, f)))
}

fn find(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|w| w == needle)
}

#[test]
fn the_search_finds_every_form() {
    let secret = CANARY.as_bytes();
    for form in forms(secret) {
        assert!(holds(&[b"xx", &form[..], b"yy"].concat(), secret));
    }
    assert!(holds(b"UXpDYW5hcnk3Vng=", secret), "base64 of the canary");
    assert!(holds(b"eFF6Q2FuYXJ5N1Z4", secret), "base64 of x and the canary");
    assert!(!holds(b"nothing here", secret));
}

#[test]
fn the_canary_stands_nowhere() {
    let world = World::new();
    let mut told = Vec::new();
    let mut run = |args: &[&str], stdin: &[u8]| -> Ran {
        let ran = world.run(args, stdin);
        told.extend_from_slice(&ran.stderr);
        ran
    };
    let envelope = run(&["encrypt", "-c", PLACE], CANARY.as_bytes()).stdout;
    assert_eq!(run(&["decrypt", "-c", PLACE], &envelope).stdout, CANARY.as_bytes());
    let document =
        format!("{{\"id\":\"p1\",\"ssn\":\"{CANARY}\",\"address\":{{\"s\":\"{CANARY}\"}}}}\n");
    let encrypted = run(&["record", "encrypt", "-o", "out.json"], document.as_bytes());
    assert_eq!(encrypted.code, 0);
    let decrypted = run(&["record", "decrypt", "out.json"], b"");
    assert_eq!(decrypted.stdout, document.as_bytes());
    for json in [&["--json"][..], &[]] {
        for (args, stdin) in refusals(&envelope) {
            let ran = run(&[&args[..], json].concat(), &stdin);
            assert_ne!(ran.code, 0, "{args:?}");
            assert!(!holds(&ran.stdout, CANARY.as_bytes()), "{args:?}");
        }
    }
    assert!(!holds(&told, CANARY.as_bytes()), "{}", String::from_utf8_lossy(&told));
    for file in world.files() {
        assert!(!holds(&fs::read(&file).unwrap(), CANARY.as_bytes()), "{}", file.display());
    }
}

/// Commands that fail with the canary in their hands.
fn refusals(envelope: &[u8]) -> Vec<(Vec<&'static str>, Vec<u8>)> {
    let cut = format!("{{\"id\":\"p1\",\"ssn\":\"{CANARY}");
    let plain = format!("{{\"id\":\"p1\",\"ssn\":\"{CANARY}\"}}");
    let anonymous = format!("{{\"ssn\":\"{CANARY}\"}}");
    let doubled = format!("{{\"id\":\"p1\",\"{CANARY}\":1,\"{CANARY}\":2}}");
    vec![
        (vec!["decrypt", "-c", "patients/last_name/p2"], envelope.to_vec()),
        (vec!["decrypt", "-c", PLACE], CANARY.into()),
        (vec!["decrypt", "-c", PLACE], format!("ms1:{CANARY}").into()),
        (vec!["encrypt", "-c", PLACE, "--type", "integer"], CANARY.into()),
        (vec!["encrypt", "-c", PLACE, "--type", "date"], CANARY.into()),
        (vec!["record", "encrypt"], cut.into()),
        (vec!["record", "decrypt"], plain.into()),
        (vec!["record", "encrypt"], anonymous.into()),
        (vec!["record", "encrypt"], doubled.into()),
        (vec!["inspect"], CANARY.into()),
    ]
}

#[test]
fn record_ids_are_not_in_the_home() {
    let world = World::new();
    let place = format!("patients/last_name/{CANARY}");
    let envelope = world.ok(&["encrypt", "-c", &place], b"Doe");
    world.ok(&["decrypt", "-c", &place], &envelope);
    world.ok(&["record", "encrypt"], format!("{{\"id\":\"{CANARY}\",\"ssn\":1}}").as_bytes());
    for file in world.files() {
        assert!(!holds(&fs::read(&file).unwrap(), CANARY.as_bytes()), "{}", file.display());
    }
}

/// A patient's id goes through every operation and every refusal, and stands in no file of the home,
/// in no file's name, and in nothing that is told.
#[test]
fn subjects_ids_are_nowhere() {
    let world = World::new();
    let other = CANARY.to_uppercase();
    for (file, id) in [("c.id", CANARY), ("other.id", &other), ("none.id", "nobody")] {
        world.write(file, id);
    }
    world.write(
        "profile.toml",
        "profile = 'p'\nrevision = 1\n[document]\ncollection = 'c'\n\
        record = { path = 'id' }\nsubject = { path = 'patient' }\n[[rule]]\npaths = ['ssn']\n\
        placement = 'inline'\nclass = 'x'\n",
    );
    let mut told = Vec::new();
    let mut run = |args: &[&str], stdin: &[u8]| -> Ran {
        let ran = world.run(args, stdin);
        told.extend_from_slice(&ran.stderr);
        if args[0] == "subject" || ran.code != 0 {
            told.extend_from_slice(&ran.stdout);
        }
        ran
    };
    let place = format!("patients/last_name/{CANARY}");
    let subject = ["-c", &place, "--subject", "@c.id"];
    let envelope = run(&[&["encrypt"], &subject[..]].concat(), b"Doe").stdout;
    let others = ["-c", &place, "--subject", "@other.id"];
    run(&[&["encrypt"], &others[..]].concat(), b"Doe");
    assert_eq!(run(&[&["decrypt"], &subject[..]].concat(), &envelope).stdout, b"Doe");
    let document = format!("{{\"id\":\"{CANARY}\",\"patient\":\"{CANARY}\",\"ssn\":1}}");
    let record = ["--profile", "./profile.toml"];
    let sealed = run(&[&["record", "encrypt"], &record[..]].concat(), document.as_bytes()).stdout;
    assert_eq!(
        run(&[&["record", "decrypt"], &record[..]].concat(), &sealed).stdout,
        document.as_bytes()
    );
    let table = format!("id,patient,ssn\n{CANARY},{CANARY},900\n");
    let columns =
        ["-c", "t", "--columns", "ssn", "--record-column", "id", "--subject-column", "patient"];
    let rows = run(&[&["table", "encrypt"], &columns[..]].concat(), table.as_bytes()).stdout;
    world.write("plain", "content");
    run(&[&["file", "encrypt"], &subject[..], &["plain", "sealed"]].concat(), b"");
    for args in about_subjects(&format!("of {CANARY}")) {
        run(&args, b"");
        run(&[&args[..], &["--json"]].concat(), b"");
    }
    assert_ne!(run(&[&["decrypt"], &others[..]].concat(), &envelope).code, 0);
    assert_eq!(run(&["subject", "erase", "@c.id", "--reason", "request"], b"").code, 0);
    for json in [&["--json"][..], &[]] {
        for (args, stdin) in [
            ([&["decrypt"], &subject[..]].concat(), &envelope),
            ([&["encrypt"], &subject[..]].concat(), &envelope),
            ([&["record", "decrypt"], &record[..]].concat(), &sealed),
            ([&["record", "encrypt"], &record[..]].concat(), &document.clone().into_bytes()),
            ([&["table", "decrypt"], &columns[..]].concat(), &rows),
            ([&["file", "decrypt"], &subject[..], &["sealed", "opened"]].concat(), &rows),
            (vec!["subject", "show", "@c.id"], &rows),
            (vec!["subject", "certificate", "show", "@c.id"], &rows),
            (vec!["subject", "disclosures", "@c.id"], &rows),
            (vec!["doctor"], &rows),
            (vec!["audit", "list"], &rows),
            (vec!["audit", "show", "5", "--details"], &rows),
        ] {
            run(&[&args[..], json].concat(), stdin);
        }
    }
    for id in [CANARY, &other] {
        assert!(!holds(&told, id.as_bytes()), "{}", String::from_utf8_lossy(&told));
        for file in world.files().iter().filter(|file| file.starts_with(world.home())) {
            assert!(!holds(&fs::read(file).unwrap(), id.as_bytes()), "{}", file.display());
            assert!(!holds(file.to_str().unwrap().as_bytes(), id.as_bytes()));
        }
    }
}

/// Commands on subjects that succeed or are refused with the id in their hands.
fn about_subjects(reason: &str) -> Vec<Vec<&str>> {
    vec![
        vec!["subject", "show", "@c.id"],
        vec!["subject", "list"],
        vec!["subject", "hold", "@c.id", "--name", "case", "--reason", "lawsuit"],
        vec!["subject", "erase", "@c.id", "--reason", "request"],
        vec!["subject", "erase", "@c.id", "--reason", reason],
        vec!["subject", "release", "@c.id", "--name", "case"],
        vec!["subject", "disclosures", "@c.id"],
        vec!["subject", "disclosures", "@c.id", "--json"],
        vec!["subject", "disclosures", "@c.id", "--format", "fhir"],
        vec!["subject", "disclosures", "@c.id", "--format", "csv"],
        vec!["subject", "certificate", "show", "@c.id"],
        vec!["subject", "show", CANARY],
        vec!["subject", "erase", CANARY, CANARY, "--reason", "request"],
        vec!["subject", "show", "@none.id"],
    ]
}

#[test]
fn the_root_stands_in_its_file_alone() {
    let world = World::new();
    let envelope = world.encrypt("Doe");
    world.ok(&["key", "rotate", "default"], b"");
    world.decrypt(&envelope);
    let file = fs::read_to_string(world.home().join("root.key")).unwrap();
    let root = bytes_of(file.lines().nth(1).unwrap());
    assert_eq!(root.len(), 32);
    for path in world.files() {
        let found = holds(&fs::read(&path).unwrap(), &root);
        assert_eq!(found, path.ends_with("root.key"), "{}", path.display());
    }
}

/// Root, KWK and KEKs in none but the file of the root; epoch keys nowhere but below `epochs/`.
#[test]
fn no_key_stands_in_the_home_outside_its_place() {
    let world = World::new();
    world.ok(&["key", "create", "chacha", "--suite", "chacha20-poly1305"], b"");
    let envelope = world.encrypt("Doe");
    world.ok(&["key", "rotate", "default"], b"");
    world.decrypt(&envelope);
    world.ok(&["reencrypt", "-c", PLACE], &envelope);
    let document = world.ok(&["record", "encrypt"], b"{\"id\":\"p1\",\"ssn\":1}");
    world.ok(&["record", "decrypt", "-o", "opened.json"], &document);
    world.write("id", "p1");
    let envelope = world.ok(&["encrypt", "-c", PLACE, "--subject", "@id"], b"Doe");
    world.ok(&["decrypt", "-c", PLACE, "--subject", "@id"], &envelope);
    let keys = Keys::of(&world);
    assert_eq!((keys.keks().len(), keys.epoch_keys().len(), keys.subjects().len()), (4, 1, 2));
    let file = fs::read_to_string(world.home().join("root.key")).unwrap();
    assert_eq!(keys.root(), bytes_of(file.lines().nth(1).unwrap()));
    let mut held = 0;
    for path in world.files() {
        let content = fs::read(&path).unwrap();
        let found = |key: &Vec<u8>| key.len() == 32 && holds(&content, key);
        let place = path.display();
        assert_eq!(found(&keys.root()), path.ends_with("root.key"), "root in {place}");
        assert!(!found(&keys.kwk()), "KWK in {place}");
        assert!(!keys.keks().iter().any(found), "KEK in {place}");
        assert!(!keys.subjects().iter().any(found), "a subject's secret in {place}");
        let epoch = keys.epoch_keys().iter().any(found);
        assert_eq!(epoch, path.starts_with(world.home().join("epochs")), "epoch key in {place}");
        held += u32::from(found(&keys.root()) || epoch);
    }
    assert_eq!(held, 2, "the search finds what is there");
}
