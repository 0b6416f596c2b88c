//! Tables: byte identity, what is refused, whole outputs only, scan, coverage, re-encryption.

use crate::kill::{duration, kill};
use crate::world::{World, text, workspace};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

const ENCRYPT: [&str; 4] = ["table", "encrypt", "-c", "patient"];
const DECRYPT: [&str; 4] = ["table", "decrypt", "-c", "patient"];
const GIVEN: [&str; 4] = ["--columns", "a,c d", "--record-column", "key"];

/// Tables whose every byte must come back, under the profile `columns`.
const TABLES: [&str; 12] = [
    "Id,SSN,FIRST\n1,900-12-3456,Ann\n",
    "\u{feff}Id,SSN\r\n1,900-12-3456\r\n2,900-12-3457",
    "id;last name;notes\n1;O'Hara;\"two\nlines; \"\"quoted\"\"\"\n",
    "id\temail\n1\ta@example.org\r\n\r\n2\t\n",
    "id|phone|x\r1|+44 20 7946 0000|\r2|(03) 5550 1234|\"\"\r",
    "\"id\",\"dob\",\"zip\"\n\"1\",\"1974-12-25\",\"02155\"\n\"2\",\"\",\"2155\"\n",
    "\n\nid,ssn\n\n1,a\n\n\n2,b\n\n",
    "id,first name,surname\nא,שרה,כהן\n２,王小明,𠮷野\n3,José,e\u{301}\n4,محمد,👩‍⚕️\n",
    "id,address\n1,\"12 Main St, Apt \"\"B\"\"\r\nSpringfield\"\n",
    "id,ssn,plan\n1,=cmd|'/c calc'!A1,\"@SUM(1+1)\"\n",
    "id,ssn\n1, \n2,  x  \n3,'\n",
    "id,ssn\n",
];

#[test]
fn every_byte_comes_back() {
    let world = World::new();
    for table in TABLES {
        let encrypted = world.ok(&ENCRYPT, table.as_bytes());
        assert_eq!(encrypted == table.as_bytes(), table == "id,ssn\n", "{table:?}");
        let decrypted = world.ok(&DECRYPT, &encrypted);
        assert_eq!(String::from_utf8(decrypted).unwrap(), table);
    }
}

/// The CSV files of the data set beside the repository, where there is one.
fn data_files() -> Vec<PathBuf> {
    let beside = workspace().join("../shared/data/csv");
    let folder =
        std::env::var_os("MEDSEAL_DATA").map_or(beside, |data| Path::new(&data).join("csv"));
    let entries = fs::read_dir(folder).map(|found| found.flatten().map(|entry| entry.path()));
    let files = entries.into_iter().flatten();
    files.filter(|path| path.extension().is_some_and(|end| end == "csv")).collect()
}

#[test]
fn real_tables_come_back_and_leak_nothing() {
    let files = data_files();
    if files.is_empty() {
        println!(
            "note: no CSV files in $MEDSEAL_DATA/csv or ../shared/data/csv; not run on real data"
        );
    }
    let world = World::new();
    for file in files {
        let table = fs::read(&file).unwrap();
        let header = text_of(&table).lines().next().unwrap().to_owned();
        let patients = header.contains("SSN");
        let columns: Vec<&str> = header.split(',').filter(|c| !c.contains("PATIENT")).collect();
        let given = columns.join(",");
        let given = ["--columns", &given, "--record-column", "PATIENT"];
        let protection: &[&str] = if patients { &[] } else { &given };
        let encrypted = world.ok(&[&ENCRYPT[..], protection].concat(), &table);
        assert_ne!(encrypted, table, "{}", file.display());
        assert_eq!(world.ok(&[&DECRYPT[..], protection].concat(), &encrypted), table);
        if patients {
            check_patients(&header, text_of(&table), text_of(&encrypted));
        }
    }
}

fn text_of(table: &[u8]) -> &str {
    std::str::from_utf8(table).unwrap()
}

/// No value of an identifying column stands anywhere in the encrypted table.
fn check_patients(header: &str, table: &str, encrypted: &str) {
    let identifying = [
        "BIRTHDATE",
        "DEATHDATE",
        "SSN",
        "DRIVERS",
        "PASSPORT",
        "FIRST",
        "LAST",
        "MAIDEN",
        "BIRTHPLACE",
        "ADDRESS",
        "CITY",
        "COUNTY",
        "ZIP",
        "LAT",
        "LON",
    ];
    let mut looked_at = 0;
    for row in table.lines().skip(1) {
        for (name, cell) in header.split(',').zip(row.split(',')) {
            if identifying.contains(&name) && !cell.is_empty() {
                looked_at += 1;
                let alone = |part: &str| part == cell;
                assert!(!encrypted.split([',', '\n']).any(alone), "{name}: {cell}");
                let short = cell.len() < 6;
                assert!(short || !encrypted.contains(cell), "{name}: {cell}");
            }
        }
    }
    assert!(looked_at > 200, "only {looked_at} cells");
}

#[test]
fn cells_of_another_row_or_column_are_rejected() {
    let world = World::new();
    let table = b"Id,SSN,LAST\np1,A,B\np2,C,D\n";
    let sealed = String::from_utf8(world.ok(&ENCRYPT, table)).unwrap();
    let cells: Vec<&str> = sealed.lines().skip(1).flat_map(|line| line.split(',')).collect();
    let [_, ssn1, last1, _, ssn2, _] = cells[..] else { panic!("{cells:?}") };
    for (one, other) in [(ssn1, ssn2), (ssn1, last1)] {
        let swapped = sealed.replace(one, "#").replace(other, one).replace('#', other);
        let ran = world.run(&[&DECRYPT[..], &["--json"]].concat(), swapped.as_bytes());
        assert_eq!((ran.code, text(&ran.error()["code"])), (1, "REJECTED".to_owned()));
        assert_eq!(ran.out(), "Id,SSN,LAST\n");
        world.write("swapped.csv", &swapped);
        let to_file = [&DECRYPT[..], &["swapped.csv", "-o", "out.csv"]].concat();
        world.refused(&to_file, b"", 1, "REJECTED");
        assert!(!world.path("out.csv").exists());
    }
    let other = ["table", "decrypt", "-c", "people"];
    let ran = world.run(&[&other[..], &["--json"]].concat(), sealed.as_bytes());
    assert_eq!(ran.code, 1);
    // the cell is the value of this field of this record
    let opened = world.ok(&["decrypt", "-c", "patient/SSN/p1"], ssn1.as_bytes());
    assert_eq!(opened, b"A");
}

#[test]
fn malformed_tables_are_never_passed_through() {
    let world = World::new();
    for (table, code) in [
        ("", "CSV_EMPTY"),
        ("\u{feff}\n", "CSV_EMPTY"),
        ("Id,SSN\n1,\"Zyxwv\n", "CSV_UNTERMINATED_QUOTE"),
        ("Id,SSN\n1,\"Zyxwv\"x\n", "CSV_TEXT_AFTER_QUOTE"),
        ("Id,SSN\n1,Zyx\"wv\n", "CSV_BARE_QUOTE"),
        ("Id,SSN\n1,Zyxwv,2\n", "CSV_CELL_COUNT"),
        ("Id,SSN\nZyxwv\n", "CSV_CELL_COUNT"),
        ("Id,SSN,SSN\n1,Zyxwv,2\n", "CSV_HEADER_TWICE"),
        ("Id,,SSN\n1,Zyxwv,2\n", "CSV_HEADER_EMPTY"),
        ("Id,SSN;Zyxwv\n", "CSV_DELIMITER_UNCLEAR"),
        ("Id,SSN\n1,Zyxwv\0\n", "CSV_NUL"),
        ("Id,SSN\n,Zyxwv\n", "RECORD_ID_MISSING"),
        ("I\0d\0", "CSV_UTF16"),
    ] {
        let message = refused_after_header(&world, &ENCRYPT, table.as_bytes(), 3, code);
        assert!(!message.contains("Zyxwv") && !message.is_empty(), "{message}");
    }
    refused_after_header(&world, &ENCRYPT, b"Id,SSN\n1,Zyxwv\xE9\n", 3, "CSV_INVALID_UTF8");
    let marked = [&ENCRYPT[..], &["--encoding", "latin1"]].concat();
    refused_after_header(&world, &marked, b"\xEF\xBB\xBFId,SSN\n", 3, "CSV_ENCODING_MARK");
    let wide: Vec<String> = (0..16_385).map(|n| format!("c{n}")).collect();
    let wide = wide.join(",");
    refused_after_header(&world, &ENCRYPT, wide.as_bytes(), 3, "CSV_TOO_MANY_COLUMNS");
    let open = format!("Id,SSN\n1,\"{}", "x".repeat(17 << 20));
    refused_after_header(&world, &ENCRYPT, open.as_bytes(), 3, "CSV_ROW_TOO_LARGE");
}

/// As [`World::refused`], where the header may have been written already.
fn refused_after_header(
    world: &World,
    args: &[&str],
    table: &[u8],
    exit: i32,
    code: &str,
) -> String {
    let ran = world.run(&[args, &["--json"]].concat(), table);
    assert!(["", "Id,SSN\n"].contains(&ran.out().as_str()), "{}", ran.out());
    let error = ran.error();
    assert_eq!((ran.code, error["code"].as_str()), (exit, Some(code)), "{error}");
    text(&error["message"])
}

#[test]
fn arguments_that_cannot_be_meant() {
    let world = World::new();
    world.write("t.csv", "Id,SSN\n1,2\n");
    let no_collection = ["table", "encrypt", "t.csv"];
    world.refused(&no_collection, b"", 2, "USAGE");
    world.refused(&[&ENCRYPT[..], &["--columns", "SSN", "t.csv"]].concat(), b"", 2, "USAGE");
    let typo = ["--columns", "Ssn", "--record-column", "Id", "t.csv"];
    world.refused(&[&ENCRYPT[..], &typo].concat(), b"", 2, "COLUMN_MISSING");
    let nobody = ["--record-column", "PatientId", "t.csv"];
    world.refused(&[&ENCRYPT[..], &nobody].concat(), b"", 2, "RECORD_COLUMN_MISSING");
    let protected = ["--record-column", "SSN", "t.csv"];
    world.refused(&[&ENCRYPT[..], &protected].concat(), b"", 3, "IDENTITY_PROTECTED");
    world.refused(&[&ENCRYPT[..], &["--profile", "none", "t.csv"]].concat(), b"", 2, "USAGE");
    let documents = ["--profile", "patient-basic", "t.csv"];
    world.refused(&[&ENCRYPT[..], &documents].concat(), b"", 2, "USAGE");
    let unclear = b"patient id,visit id,ssn\n1,2,3\n";
    world.write("u.toml", PROFILE.replace("names = ['key']", "like = ['id']"));
    let args = [&ENCRYPT[..], &["--profile", "u.toml"]].concat();
    world.refused(&args, unclear, 2, "RECORD_COLUMN_UNCLEAR");
    world.write("bad.toml", PROFILE.replace("like = ['free text']", "like = ['free_text']"));
    let args = [&ENCRYPT[..], &["--profile", "bad.toml"]].concat();
    world.refused(&args, unclear, 2, "COLUMN_PATTERN_SYNTAX");
}

const PROFILE: &str = "profile = 'mine'\nrevision = 1\n[table]\ncollection = 'thing'\n\
    record = { names = ['key'] }\n[[column]]\nnames = ['a', 'c d']\nlike = ['free text']\n\
    placement = 'inline'\nclass = 'general'\n[[column]]\nlike = ['debug']\nplacement = 'remove'\n\
    class = 'internal'\n";

#[test]
fn columns_profiles_files_and_pipes() {
    let world = World::new();
    let table = b"key,a,b,c d\n1,A,B,\"C,D\"\n2,,x,\"\"\n";
    world.write("in.csv", table);
    world.write("p.toml", PROFILE);
    let given = [&GIVEN[..], &["-c", "thing"]].concat();
    // in this order: who says a class fixes it, who says none takes it
    for protection in [&["--profile", "p.toml"][..], &given] {
        let to_file = [&["table", "encrypt"], protection, &["in.csv", "-o", "out.csv"]].concat();
        assert_eq!(world.ok(&to_file, b""), b"");
        let sealed = world.read("out.csv");
        assert_eq!(sealed.windows(4).filter(|w| w == b"ms1:").count(), 3);
        let decrypt = [&["table", "decrypt"], protection].concat();
        assert_eq!(world.ok(&decrypt, &sealed), table);
        let over_itself = [&decrypt[..], &["out.csv", "-o", "out.csv"]].concat();
        world.ok(&over_itself, b"");
        assert_eq!(world.read("out.csv"), table);
    }
    let removed = b"key,a,c d,Debug-Info\n1,x,y,trace\n";
    let ran = world.run(&["table", "encrypt", "--profile", "p.toml", "--json"], removed);
    assert!(ran.out().ends_with(",\n"), "{}", ran.out());
    let report: Value = serde_json::from_str(ran.err().trim()).unwrap();
    assert_eq!((report["rows"].as_u64(), report["values"].as_u64()), (Some(1), Some(3)));
    assert_eq!(report["columns"][2]["column"], "Debug-Info");
    assert_eq!(report["unmatched_patterns"], serde_json::json!(["free text"]));
    let unmatched = world.run(&ENCRYPT, b"id,x\n1,2\n");
    assert!(unmatched.err().contains("no column matched"), "{}", unmatched.err());
}

#[test]
fn other_encodings_and_delimiters() {
    let world = World::new();
    let table = b"Id;SSN;LAST\nj\xF6rg;1,5;M\xFCller\x80\n";
    for encoding in ["latin1", "windows-1252"] {
        let with = |args: &[&'static str]| [args, &["--encoding", encoding]].concat();
        let sealed = world.ok(&with(&ENCRYPT), table);
        assert_eq!(world.ok(&with(&DECRYPT), &sealed), table);
    }
    let tabs = [&ENCRYPT[..], &["--delimiter", "tab", "--no-record"]].concat();
    let sealed = world.ok(&tabs, b"SSN,a;b\tx\n1,2\t3\n");
    assert!(sealed.starts_with(b"SSN,a;b\tx\nms1:"));
}

#[test]
fn the_wrong_form_is_refused_unless_migrating() {
    let world = World::new();
    let plain = b"Id,SSN\n1,2\n";
    let sealed = world.ok(&ENCRYPT, plain);
    refused_after_header(&world, &ENCRYPT, &sealed, 1, "ALREADY_ENCRYPTED");
    refused_after_header(&world, &DECRYPT, plain, 1, "PLAINTEXT_WHERE_PROTECTED");
    let migrating = |args: &[&'static str]| [args, &["--migrating"]].concat();
    assert_eq!(world.ok(&migrating(&ENCRYPT), &sealed), sealed);
    assert_eq!(world.ok(&migrating(&DECRYPT), plain), plain);
}

#[test]
fn reencryption_changes_every_envelope_once() {
    let world = World::new();
    let table = TABLES[0].as_bytes();
    let first = world.ok(&ENCRYPT, table);
    world.write("t.csv", &first);
    let reencrypt = ["table", "reencrypt", "-c", "patient", "t.csv", "-o", "t.csv"];
    world.ok(&reencrypt, b"");
    assert_eq!(world.read("t.csv"), first, "already current");
    world.ok(&["key", "rotate", "default"], b"");
    world.ok(&reencrypt, b"");
    let second = world.read("t.csv");
    assert!(second != first && second.len() == first.len());
    world.ok(&reencrypt, b"");
    assert_eq!(world.read("t.csv"), second);
    assert_eq!(world.ok(&DECRYPT, &second), table);
}

#[test]
fn rows_before_a_malformed_one_come_whole() {
    let world = World::new();
    // the last is beyond the first mebibyte, in a later batch
    for broken in [1, 3, 700, 60_001] {
        let row = |n: usize| {
            if n == broken { "x\n".to_owned() } else { format!("p{n},Zyxwv {n}\n") }
        };
        let rows: String = (1..broken + 20).map(row).collect();
        let ran =
            world.run(&[&ENCRYPT[..], &["--json"]].concat(), format!("Id,SSN\n{rows}").as_bytes());
        let message = text(&ran.error()["message"]);
        assert_eq!(ran.code, 3);
        assert!(message.contains(&format!("line {},", broken + 1)), "{message}");
        assert_eq!(ran.out().lines().count(), broken);
        // with the space: nine million random characters of base64 hold five given ones now and then
        assert!(!(message + &ran.out()).contains("Zyxwv "));
    }
    world.write("in", "Id,SSN\n1,a\n2\n");
    world.write("old", "old");
    for (name, before) in [("new", None), ("old", Some(b"old".to_vec()))] {
        let args = [&ENCRYPT[..], &["in", "-o", name]].concat();
        world.refused(&args, b"", 3, "CSV_CELL_COUNT");
        assert_eq!(fs::read(world.path(name)).ok(), before);
    }
    let partial = |path: &PathBuf| path.to_string_lossy().ends_with(".partial");
    assert_eq!(world.files().iter().filter(|path| partial(path)).count(), 0);
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let world = World::new();
    let rows: String = (0..60_000).map(|n| format!("p{n},{n}\n")).collect();
    world.write("in", format!("Id,SSN\n{rows}"));
    let mut command = world.command(&[&ENCRYPT[..], &["in"]].concat());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), &*told), (Some(0), ""), "`medseal … | head`");
}

#[test]
fn coverage_lists_every_column() {
    let world = World::empty();
    let table = b"Id,SSN,FIRST,other,email address\n1,2,,3,\n2,3,,,\n";
    world.write("t.csv", table);
    let columns = world.json(&["table", "coverage", "t.csv"]);
    let row = |c: &Value| (text(&c["column"]), c["count"].as_u64().unwrap(), text(&c["cover"]));
    let rows: Vec<_> = columns.as_array().unwrap().iter().map(row).collect();
    let expected = [
        ("Id", 2, "record"),
        ("SSN", 2, "inline"),
        ("FIRST", 0, "inline"),
        ("other", 1, "none"),
        ("email address", 0, "inline"),
    ];
    assert_eq!(rows, expected.map(|(n, count, c)| (n.to_owned(), count, c.to_owned())));
    let ran = world.run(&["table", "coverage", "t.csv"], b"");
    assert!(ran.err().contains("5 columns, 1 not covered"), "{}", ran.err());
    // two rules name the column: contact counts, address is told
    assert!(ran.err().contains("`email address`"), "{}", ran.err());
    let given = world.json(&["table", "coverage", "--columns", "other", "t.csv"]);
    assert_eq!(given[3]["cover"], "inline");
}

#[test]
fn scan_finds_plaintext_in_tables() {
    let world = World::new();
    let plain = b"Id,SSN,LAST\np1,Zyxwv,\n";
    let sealed = world.ok(&ENCRYPT, plain);
    world.write("plain.csv", plain);
    world.write("PLAIN.TSV", "Id\tSSN\np1\tZyxwv\n");
    world.write("good.csv", &sealed);
    world.write("plain.json", b"{\"id\":\"p1\",\"ssn\":\"Zyxwv\"}\n");
    world.write("mine.toml", PROFILE.replace("names = ['a', 'c d']", "names = ['LAST']"));
    let scan = ["scan", "--expect-encrypted"];
    for (args, files, findings) in [
        (&["good.csv"][..], 1, 0),
        (&["--profile", "columns", "good.csv"], 1, 0),
        (&["--columns", "SSN", "good.csv"], 1, 0),
        (&["--columns", "Id", "good.csv"], 1, 1),
        (&["--profile", "mine.toml", "good.csv", "plain.csv"], 2, 0),
        (&["plain.csv"], 1, 1),
        (&["."], 4, 3),
        (&["--profile", "columns", "."], 3, 2),
        (&["--profile", "patient-basic", "."], 1, 1),
        (&["--paths", "ssn", "-c", "x", "--no-record", "."], 1, 1),
    ] {
        let ran = world.run(&[&scan[..], args].concat(), b"");
        let counts = format!("{files} files, {findings} findings");
        assert!(ran.err().contains(&counts), "{args:?}: {}", ran.err());
        assert_eq!(ran.code, i32::from(findings > 0), "{args:?}");
        assert!(!(ran.out() + &ran.err()).contains("Zyxwv"));
    }
    let ran = world.run(&[&scan[..], &["plain.csv"]].concat(), b"");
    assert_eq!(ran.out(), "plain.csv:2:4: plaintext at SSN\n");
    world.refused(&[&scan[..], &["--profile", "none", "."]].concat(), b"", 2, "USAGE");
    let ran = world.run(&[&scan[..], &["--columns", "None", "plain.csv"]].concat(), b"");
    assert_eq!((ran.code, ran.out().as_str()), (2, ""));
    assert!(ran.err().contains("[COLUMN_MISSING]"), "{}", ran.err());
}

#[test]
fn verification_after_encryption_changes_nothing() {
    let world = World::new();
    for verify in ["off", "sampled", "always"] {
        let args = [&ENCRYPT[..], &["--verify-after-encrypt", verify]].concat();
        let sealed = world.ok(&args, TABLES[0].as_bytes());
        assert_eq!(world.ok(&DECRYPT, &sealed), TABLES[0].as_bytes());
    }
}

#[test]
#[ignore = "kills 200 processes"]
fn a_killed_table_run_leaves_no_half_output() {
    const KILLS: u32 = 200;
    let world = World::new();
    let rows: String = (0..20_000).map(|n| format!("p{n},value {n},x\n")).collect();
    let table = format!("Id,SSN,LAST\n{rows}");
    world.write("in.csv", &table);
    let encrypt = [&ENCRYPT[..], &["in.csv", "-o", "out.csv"]].concat();
    let usual = duration(&world, &encrypt);
    let whole = world.read("out.csv").len();
    let mut hits = 0;
    for _ in 0..KILLS {
        fs::remove_file(world.path("out.csv")).unwrap_or_default();
        hits += u32::from(kill(&world, &encrypt, usual));
        let out = fs::metadata(world.path("out.csv"));
        assert!(out.is_err() || out.unwrap().len() as usize == whole, "half an output");
    }
    assert!(hits > KILLS / 4, "only {hits} of {KILLS} kills met a running process");
    world.ok(&encrypt, b"");
    assert_eq!(world.ok(&[&DECRYPT[..], &["out.csv"]].concat(), b""), table.as_bytes());
    let left = fs::read_dir(world.path(".")).unwrap().flatten().map(|entry| entry.file_name());
    let mut left: Vec<String> = left.map(|name| name.to_string_lossy().into_owned()).collect();
    left.sort();
    assert_eq!(left, ["home", "in.csv", "out.csv"], "a temporary file after the next run");
    world.ok(&["doctor"], b"");
}

#[test]
fn a_value_of_a_table_stands_nowhere_else() {
    const CANARY: &str = "QzCanary7Vx";
    let world = World::new();
    let table = format!("Id,SSN,LAST,notes\np1,{CANARY},\"{CANARY}, x\",\np2,a,b,{CANARY}\n");
    let mut told = Vec::new();
    let mut run = |args: &[&str], stdin: &[u8]| {
        let ran = world.run(args, stdin);
        told.extend_from_slice(&ran.stderr);
        ran
    };
    let to_file = [&ENCRYPT[..], &["-o", "out.csv", "--json"]].concat();
    assert_eq!(run(&to_file, table.as_bytes()).code, 0);
    assert_eq!(run(&[&DECRYPT[..], &["out.csv"]].concat(), b"").out(), table);
    let broken = [
        format!("Id,SSN\np1,\"{CANARY}"),
        format!("Id,SSN\np1,{CANARY}\"\n"),
        format!("Id,SSN\np1,\"x\"{CANARY}\n"),
        format!("Id,SSN\np1,{CANARY},\n"),
        format!("Id,SSN\n,{CANARY}\n"),
        format!("Id,SSN,{CANARY},{CANARY}\n"),
        format!("Id,SSN\np1,{CANARY}\0\n"),
        format!("Id,SSN\n{},{CANARY}\n", CANARY.repeat(100)),
        format!("Id,SSN\np1,ms1:{CANARY}\n"),
    ];
    for table in broken {
        for command in [ENCRYPT, DECRYPT] {
            let ran = run(&command, table.as_bytes());
            assert!(ran.code != 0 && !ran.out().contains(CANARY), "{table}");
        }
        let found =
            run(&["scan", "--expect-encrypted", "--profile", "columns", "-"], table.as_bytes());
        assert!(!found.out().contains(CANARY), "{table}");
    }
    assert!(!String::from_utf8_lossy(&told).contains(CANARY), "{}", String::from_utf8_lossy(&told));
    for file in world.files() {
        let content = fs::read(&file).unwrap();
        let holds = content.windows(CANARY.len()).any(|w| w == CANARY.as_bytes());
        assert!(!holds, "{}", file.display());
    }
}
