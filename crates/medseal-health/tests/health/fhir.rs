//! FHIR: types, placements and identities, with a vault in the place of a cipher.
//! Real documents are not in the repository; each document here is one trap.

use medseal_health::{HealthError, Profile};

use crate::vault::Vault;

/// What became of a document, shorter: `~` stands for the object around an envelope.
fn sealed(document: &str) -> String {
    let (before, after) = (
        r#"{"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/data-absent-reason","valueCode":"masked"},{"url":"https://medseal.dev/fhir/StructureDefinition/ciphertext","valueString":""#,
        r#""}]}"#,
    );
    let encrypted = Vault::new("fhir-r4").round(document);
    let mut out = String::new();
    let mut rest = encrypted.as_str();
    while let Some((plain, masked)) = rest.split_once(before) {
        let (envelope, after) = masked.split_once(after).unwrap();
        out += plain;
        out += &format!("~{envelope}");
        rest = after;
    }
    out + rest
}

fn refused(document: &str) -> (&'static str, usize) {
    let error = Vault::new("fhir-r4").encrypt(document).unwrap_err();
    (error.code(), error.position().unwrap().column as usize)
}

const P: &str = r#""resourceType":"Patient","id":"1""#;
const P0: &str = r#""resourceType":"Patient","id":"6d733100-0000-8000-8000-000000000000""#;

#[test]
fn each_type_has_the_placement_that_keeps_it_valid() {
    for (member, expected) in [
        (
            r#""name":[{"family":"Doe","given":["A","B"],"use":"official"}]"#,
            r#""name":[{"family":"ms1:0","given":["ms1:1","ms1:2"],"use":"official"}]"#,
        ),
        (r#""birthDate" : "1974-12-25""#, r#""_birthDate" : ~ms1:0"#),
        (
            r#""gender":"male","deceasedBoolean":false"#,
            r#""gender":"male","deceasedBoolean":false"#,
        ),
        (
            r#""text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">Doe</div>"}"#,
            r#""text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">ms1:0</div>"}"#,
        ),
        (
            r#""photo":[{"contentType":"image/png","data":"RG9l","hash":"AA==","size":3,"url":"http://x/1"}]"#,
            r#""photo":[{"contentType":"image/png","data":"+AEB0000","_hash":~ms1:1,"_size":~ms1:2,"url":"ms1:3"}]"#,
        ),
        (
            r#""identifier":[{"system":"urn:x","value":"9","period":{"start":"2001"}}]"#,
            r#""identifier":[{"system":"urn:x","value":"ms1:0","period":{"_start":~ms1:1}}]"#,
        ),
        (
            r#""address":[{"line":["1 St"],"city":"X","state":"MA","postalCode":"01","country":"US"}]"#,
            r#""address":[{"line":["ms1:0"],"city":"ms1:1","state":"MA","postalCode":"ms1:2","country":"US"}]"#,
        ),
        (
            r#""maritalStatus":{"coding":[{"system":"http://t","code":"M","display":"Married"}],"text":"wed"}"#,
            r#""maritalStatus":{"coding":[{"system":"http://t","code":"M","display":"Married"}],"text":"ms1:0"}"#,
        ),
        (r#""multipleBirthInteger":2"#, r#""multipleBirthInteger":2"#),
        (r#""multipleBirthInteger":"two""#, r#""multipleBirthInteger":"ms1:0""#),
        (
            r#""nickname":"Jo","x":{"y":[1,true,null,{"z":"Doe"}]}"#,
            r#""nickname":"ms1:0","x":{"y":["ms1:1","ms1:2",null,{"z":"ms1:3"}]}"#,
        ),
        (r#""name":"Jane Doe""#, r#""name":"ms1:0""#),
        (r#""birthDate":{"a":"Doe"}"#, r#""birthDate":{"a":"ms1:0"}"#),
        (r#""gender":{"a":"Doe"},"active":["x"]"#, r#""gender":{"a":"ms1:0"},"active":["ms1:1"]"#),
        (
            r#""name":[{"family":""}],"telecom":null"#,
            r#""name":[{"family":"ms1:0"}],"telecom":null"#,
        ),
    ] {
        assert_eq!(sealed(&format!("{{{P},{member}}}")), format!("{{{P0},{expected}}}"));
    }
}

#[test]
fn extensions_are_encrypted_unless_their_url_is_named() {
    let us_core = "http://hl7.org/fhir/us/core/StructureDefinition";
    for (extension, expected) in [
        (
            r#"{"url":"http://x","valueString":"Doe"}"#.to_owned(),
            r#"{"url":"http://x","valueString":"ms1:0"}"#,
        ),
        (
            r#"{"valueCode":"Doe","url":"http://x"}"#.to_owned(),
            r#"{"valueString":"ms1:0","url":"http://x"}"#,
        ),
        (
            r#"{"url":"http://x","valueCoding":{"system":"s","code":"c","display":"Doe"}}"#
                .to_owned(),
            r#"{"url":"http://x","valueCoding":{"system":"ms1:0","_code":~ms1:1,"display":"ms1:2"}}"#,
        ),
        (
            r#"{"url":"http://x","valueAddress":{"state":"MA","use":"home"}}"#.to_owned(),
            r#"{"url":"http://x","valueAddress":{"state":"ms1:0","_use":~ms1:1}}"#,
        ),
        (
            r#"{"extension":[{"url":"lat","valueDecimal":-1.50e0}],"url":"http://x"}"#.to_owned(),
            r#"{"extension":[{"url":"lat","valueString":"ms1:0"}],"url":"http://x"}"#,
        ),
        (
            r#"{"url":"http://x","valueReference":{"reference":"Patient/1","type":"Patient"}}"#
                .to_owned(),
            r#"{"url":"http://x","valueReference":{"reference":"Patient/6d733100-0000-8000-8000-000000000000","type":"ms1:0"}}"#,
        ),
    ] {
        let document = format!(r#"{{{P},"extension":[{extension}]}}"#);
        assert_eq!(sealed(&document), format!(r#"{{{P0},"extension":[{expected}]}}"#));
    }
    for kept in [
        format!(r#"{{"url":"{us_core}/us-core-birthsex","valueCode":"F"}}"#),
        format!(
            r#"{{"extension":[{{"url":"ombCategory","valueCoding":{{"code":"2106-3","display":"White"}}}}],"url":"{us_core}/us-core-race"}}"#
        ),
    ] {
        let document = format!(r#"{{{P},"extension":[{kept}]}}"#);
        assert_eq!(sealed(&document), document.replace(P, P0));
    }
}

#[test]
fn a_masked_element_and_the_one_beside_it_are_one_value() {
    let time =
        r#""_birthDate":{"extension":[{"url":"http://b","valueDateTime":"1974-12-25T14:35:45Z"}]}"#;
    for (members, expected) in [
        (format!(r#""birthDate":"1974-12-25" , {time}"#), r#""_birthDate":~ms1:1"#),
        (format!(r#"{time},"birthDate":"1974-12-25""#), r#""_birthDate":~ms1:1"#),
        (
            format!(r#"{time},"active":true,"name":[{{"text":"Doe"}}],"birthDate":"1974-12-25""#),
            r#""_birthDate":~ms1:2"#,
        ),
        (
            time.to_owned(),
            r#""_birthDate":{"extension":[{"url":"http://b","valueString":"ms1:0"}]}"#,
        ),
        (r#""birthDate":"1974","_birthDate":null"#.to_owned(), r#""_birthDate":~ms1:0"#),
        (
            r#""birthDate":"19\u0037","_birth\u0044ate":{"id":"a"}"#.to_owned(),
            r#""_birthDate":~ms1:0"#,
        ),
        (r#""birth\u0044ate":"1974""#.to_owned(), r#""_birth\u0044ate":~ms1:0"#),
        (
            format!(
                r#"{time},"_deceasedDateTime":{{"id":"x"}},"birthDate":"1974","deceasedDateTime":"2000""#
            ),
            r#""_birthDate":~ms1:0"#,
        ),
    ] {
        let sealed = sealed(&format!("{{{P},{members}}}"));
        let number = |text: &str| {
            text.split("ms1:")
                .map(|s| s.trim_start_matches(char::is_numeric).to_owned())
                .collect::<String>()
        };
        assert_eq!(number(&sealed), number(&format!("{{{P0},{expected}}}")), "{members}");
    }
    // strings need no masking, so what is beside them stays apart
    let given = r#""name":[{"given":["A",null],"_given":[null,{"extension":[{"url":"u","valueString":"Doe"}]}]}]"#;
    let expected = given.replace("\"A\"", "\"ms1:0\"").replace("\"Doe\"", "\"ms1:1\"");
    assert_eq!(sealed(&format!("{{{P},{given}}}")), format!("{{{P0},{expected}}}"));
}

#[test]
fn one_of_a_choice_of_types_is_encrypted_as_the_string_among_them() {
    let observation =
        |members: &str| format!(r#"{{"resourceType":"Observation","id":"1",{members}}}"#);
    for (plain, expected) in [
        (r#""valueDateTime" : "1974""#, r#""valueString" : "ms1:0""#),
        (r#""value\u0054ime":"10:00:00""#, r#""valueString":"ms1:0""#),
        (r#""valueString" : "Doe""#, r#""valueString" : "ms1:0""#),
        (r#""valueInteger":3"#, r#""valueInteger":3"#),
        (r#""effectiveDateTime":"1974""#, r#""_effectiveDateTime":~ms1:0"#),
        (r#""valueTime":["10:00:00"]"#, r#""valueTime":["ms1:0"]"#),
        (
            r#""valueTime":"1","_valueTime":{"id":"a"}"#,
            r#""valueString":"ms1:0","_valueTime":{"id":"ms1:1"}"#,
        ),
    ] {
        let plain = plain.replace("\\\\", "\\");
        assert_eq!(sealed(&observation(&plain)), observation(expected));
    }
    for (twice, column) in [
        (r#""valueString":"a","valueTime":"b""#, 58),
        (r#""valueString":null,"valueTime":"b""#, 59),
        (r#""valueTime":"a","valueDateTime":"b""#, 56),
    ] {
        assert_eq!(refused(&observation(twice)), ("MASKED_TWICE", column));
    }
}

#[test]
fn arrays_of_masked_primitives_are_one_value() {
    let timing = |event: &str| {
        format!(r#"{{"resourceType":"ServiceRequest","id":"1","occurrenceTiming":{{{event}}}}}"#)
    };
    assert_eq!(sealed(&timing(r#""event":["2020","2021"]"#)), timing(r#""_event":[~ms1:0]"#));
    assert_eq!(sealed(&timing(r#""event":[]"#)), timing(r#""_event":[~ms1:0]"#));
    assert_eq!(
        sealed(&timing(r#""event":["2020",null],"_event":[null,{"id":"x"}]"#)),
        timing(r#""_event":~ms1:2"#).replace("ms1:2", "ms1:0")
    );
}

#[test]
fn references_to_people_and_their_ids_get_one_pseudonym() {
    const UUID: &str = "0f5b0a9e-8f3d-4a52-9d7c-1f2e3d4c5b6a";
    let bundle = |patient: &str, first: &str, second: &str| {
        format!(
            r##"{{"resourceType":"Bundle","id":"b","type":"batch","entry":[
            {{"fullUrl":"urn:uuid:{patient}","resource":{{"id":"{patient}","resourceType":"Patient"}},"request":{{"method":"PUT","url":"Patient/{patient}"}}}},
            {{"resource":{{"resourceType":"Observation","id":"o","status":"final",
              "subject":{{"reference":"urn:uuid:{patient}"}},"performer":[{{"reference":"Practitioner\/{first}"}},{{"reference":"#x"}},{{"reference":"Organization/7"}}],
              "focus":[{{"reference":"http://h/fhir/Patient/{patient}/_history/2"}},{{"reference":"{second}"}}]}},
              "request":{{"method":"POST","url":"Observation"}}}}]}}"##
        )
    };
    let expected = bundle(
        "6d733100-0000-8000-8000-000000000000",
        "6d733101-0101-8010-9101-010101010101",
        "ms1:0",
    );
    assert_eq!(sealed(&bundle(UUID, "dr.1", "Practitioner?identifier=http://n|99")), expected);
}

fn names(document: &str) -> Vec<String> {
    let mut vault = Vault::new("fhir-r4");
    vault.round(document);
    let (_, names) = vault.encrypt(document).unwrap();
    let shown = |name: Option<String>| name.unwrap_or_default();
    names.into_iter().map(|(c, r, f)| format!("{} {} {f}", shown(c), shown(r))).collect()
}

#[test]
fn a_record_is_named_by_made_id_full_url_type_and_id() {
    const P: &str = "6d733100-0000-8000-8000-000000000000";
    let name = r#""name":[{"family":"Doe"}]"#;
    let patient = |more: &str| format!(r#"{{{name}{more},"resourceType":"Patient"}}"#);
    assert_eq!(names(&patient(r#","id":"7""#)), [format!("Patient Patient/{P} name[*].family")]);
    assert_eq!(names(&patient("")), ["Patient made-0 name[*].family"]);
    let bundle =
        |entry: &str| format!(r#"{{"resourceType":"Bundle","id":"b","entry":[{{{entry}}}]}}"#);
    let with = |url: &str| {
        names(&bundle(&format!(r#""resource":{},"fullUrl":"{url}""#, patient(r#","id":"7""#))))
    };
    assert_eq!(
        with("http://h/Patient/7"),
        [format!("Patient http://h/Patient/{P} name[*].family")]
    );
    assert_eq!(
        with(r"http:\/\/h\/Patient\/7"),
        [format!("Patient http://h/Patient/{P} name[*].family")]
    );
    assert_eq!(
        with("http://h/x?y"),
        [
            format!("Patient Patient/{P} name[*].family"),
            "Bundle Bundle/b entry[*].fullUrl".to_owned()
        ]
    );
    let contained = format!(
        r#"{{"contained":[{{"resourceType":"Patient","id":"p",{name}}}],"resourceType":"Observation","id":"9","valueString":"x"}}"#
    );
    assert_eq!(
        names(&contained),
        ["Patient Observation/9#p name[*].family", "Observation Observation/9 valueString"]
    );
    let inner = format!(
        r#"{{"resourceType":"Bundle","id":"c","entry":[{{"resource":{}}}]}}"#,
        patient(r#","id":"7""#)
    );
    assert_eq!(
        names(&bundle(&format!(r#""resource":{inner}"#))),
        [format!("Patient Patient/{P} name[*].family")]
    );
}

#[test]
fn an_id_is_made_for_a_record_without_one_and_goes_again() {
    let element = |n: u8| {
        format!(
            r#"{{"url":"https://medseal.dev/fhir/StructureDefinition/record","valueString":"made-{n}"}}"#
        )
    };
    let e = element(0);
    for (document, expected) in [
        (
            r#"{ "resourceType" : "Patient","name":[{"text":"D"}]}"#,
            format!(
                r#"{{ "extension":[{e}],"resourceType" : "Patient","name":[{{"text":"ms1:0"}}]}}"#
            ),
        ),
        (
            r#"{"resourceType":"Patient", "extension" : [ {"url":"x","valueString":"D"} ]}"#,
            format!(
                r#"{{"resourceType":"Patient", "extension" : [ {e},{{"url":"x","valueString":"ms1:0"}} ]}}"#
            ),
        ),
        (
            r#"{"resourceType":"Binary","data":"RA=="}"#,
            format!(
                r#"{{"meta":{{"extension":[{e}]}},"resourceType":"Binary","data":"+AEB0000"}}"#
            ),
        ),
        (
            r#"{"resourceType":"Binary","meta":{ "source":"D"}}"#,
            format!(
                r#"{{"resourceType":"Binary","meta":{{ "extension":[{e}],"source":"ms1:0"}}}}"#
            ),
        ),
        (
            r#"{"resourceType":"Binary","meta":{"extension":[{"url":"u"}],"source":"D"}}"#,
            format!(
                r#"{{"resourceType":"Binary","meta":{{"extension":[{e},{{"url":"u"}}],"source":"ms1:0"}}}}"#
            ),
        ),
        (
            r#"{"birthDate":"1974","_birthDate":{"id":"D"},"resourceType":"Patient"}"#,
            format!(r#"{{"extension":[{e}],"_birthDate":~ms1:0,"resourceType":"Patient"}}"#),
        ),
        (
            r#"{"resourceType":"Patient","contained":[{"resourceType":"Person","id":"p","name":[{"text":"D"}]}]}"#,
            format!(
                r#"{{"extension":[{e}],"resourceType":"Patient","contained":[{{"resourceType":"Person","id":"p","name":[{{"text":"ms1:0"}}]}}]}}"#
            ),
        ),
        (
            r#"{"resourceType":"Patient","active":true}"#,
            r#"{"resourceType":"Patient","active":true}"#.to_owned(),
        ),
    ] {
        let sealed = sealed(document).replace("ms1:1", "ms1:0");
        assert_eq!(sealed, expected);
    }
    let empty = r#"{"resourceType":"Patient","extension":[],"name":[{"text":"D"}]}"#;
    assert_eq!(refused(empty), ("RECORD_ID_MISSING", 1));
}

#[test]
fn what_cannot_be_exact_is_refused() {
    for (document, code, column) in [
        (r#"{"resourceType":"Patient","id":"\u0031","name":[{"text":"D"}]}"#, "ID_ESCAPED", 33),
        (r#"{"resourceType":"Patient","id":7,"name":[{"text":"D"}]}"#, "RECORD_ID_INVALID", 32),
        (r#"{"id":"7","name":[{"text":"D"}]}"#, "COLLECTION_MISSING", 1),
        (r#"{"resourceType":7,"name":[{"text":"D"}]}"#, "COLLECTION_INVALID", 17),
        (r#"[]x"#, "JSON_TRAILING_DATA", 3),
        (r#""Doe""#, "COLLECTION_MISSING", 1),
        (
            r#"{"birthDate":"1","id":"7","_birthDate":{},"resourceType":"Patient"}"#,
            "IDENTITY_PROTECTED",
            23,
        ),
        (
            r#"{"resourceType":"Patient","id":"7","name":[{"family":"\ud800"}]}"#,
            "JSON_LONE_SURROGATE",
            55,
        ),
        (
            r#"{"resourceType":"Patient","id":"7","active":true,"active":true}"#,
            "JSON_DUPLICATE_KEY",
            50,
        ),
        (r#"{"resourceType":"Patient","resourceType":"Person"}"#, "JSON_DUPLICATE_KEY", 27),
    ] {
        assert_eq!(refused(document), (code, column), "{document}");
    }
    let mut vault = Vault::new("fhir-r4");
    let document = format!(r#"{{{P},"birthDate":"1974"}}"#);
    let (encrypted, _) = vault.encrypt(&document).unwrap();
    let twice = encrypted.replace("\"_birthDate", "\"birthDate\":\"1980\",\"_birthDate");
    assert_eq!(vault.encrypt(&twice).unwrap_err().code(), "MASKED_TWICE");
}

#[test]
fn resources_of_unknown_types_keep_type_and_nothing_else() {
    let encrypted = sealed(r#"{"id":"1","resourceType":"Pet","name":"Rex","n":[1],"gender":"m"}"#);
    let expected = r#"{"id":"6d733100-0000-8000-8000-000000000000","resourceType":"Pet","name":"ms1:0","n":["ms1:1"],"gender":"ms1:2"}"#;
    assert_eq!(encrypted, expected);
}

#[test]
fn names_in_every_script_and_spelling_come_back() {
    let mut vault = Vault::new("fhir-r4");
    for name in [
        "\u{5d3}\u{5d5}\u{5d3}",
        "عبد",
        "e\u{301}",
        "\u{1d504}\u{1f469}\u{200d}\u{2695}",
        r"\u05d3\u05d5",
        r"\ud83d\ude00",
        r"\/\\\n\u0000",
        "\u{202e}abc",
    ] {
        let document = format!(
            "{{{P},\n\t\"name\" : [ {{ \"family\":\"{name}\" , \"text\" :\"{name}\"}} ] }}\r\n"
        );
        let encrypted = vault.round(&document);
        assert!(!encrypted.contains(name), "{encrypted}");
    }
}

#[test]
fn recursion_and_number_are_no_obstacle() {
    let mut vault = Vault::new("fhir-r4");
    let open = r#"{"url":"u","extension":["#.repeat(58);
    let deep = format!(
        r#"{{{P},"extension":[{open}{{"valueString":"Doe","url":"u"}}{}]}}"#,
        "]}".repeat(58)
    );
    assert!(!vault.round(&deep).contains("Doe"));
    let identifiers: Vec<_> = (0..200).map(|n| format!(r#"{{"value":"mrn-{n}"}}"#)).collect();
    let many = format!(r#"{{{P},"identifier":[{}]}}"#, identifiers.join(","));
    assert!(!vault.round(&many).contains("mrn"));
    let item = r#"{"linkId":"1","item":["#.repeat(9);
    let answers = format!(
        r#"{{"resourceType":"QuestionnaireResponse","id":"q","item":[{item}{{"linkId":"2","text":"T","answer":[{{"valueString":"Doe","item":[{{"linkId":"3","answer":[{{"valueDate":"1974-12-25"}},{{"valueDecimal":1.500E+00}}]}}]}}]}}{}]}}"#,
        "]}".repeat(9)
    );
    let encrypted = vault.round(&answers);
    for gone in ["Doe", "1974", "\"T\""] {
        assert!(!encrypted.contains(gone), "{gone}: {encrypted}");
    }
    assert!(encrypted.contains("1.500E+00"));
    let part = r#"{"resourceType":"Parameters","id":"p","parameter":[{"name":"n","part":[{"name":"m","valueString":"Doe"},{"name":"r","resource":{"name":[{"text":"Doe"}],"id":"1","resourceType":"Patient"}}]}]}"#;
    assert!(!vault.round(part).contains("Doe"));
}

#[test]
fn releases_differ_where_fhir_does() {
    let document = r#"{"resourceType":"Media","id":"1","status":"x"}"#;
    assert!(Vault::new("fhir-r4").round(document).contains("\"x\""));
    assert!(!Vault::new("fhir-r5").round(document).contains("\"x\""));
    let size = format!(r#"{{{P},"photo":[{{"size":"12345678901"}}]}}"#);
    assert!(!Vault::new("fhir-r5").round(&size).contains("12345678901"));
}

fn profile(text: &str) -> Result<Profile, HealthError> {
    Profile::from_toml(&format!("profile = \"t\"\nrevision = 1\n{text}"))
}

#[test]
fn own_rules_come_before_those_of_the_base() {
    let rules = "base = \"fhir-r4\"\n[[rule]]\nelements = [\"dateTime\", \"HumanName.prefix\"]\nplacement = \"keep\"\nclass = \"x\"\n\
        [[rule]]\nelements = [\"Patient.contact\"]\nplacement = \"keep\"\nclass = \"y\"\n\
        [[rule]]\nelements = [\"Patient.gender\", \"HumanName.text\"]\nplacement = \"masked\"\nclass = \"z\"\n";
    let mut vault = Vault::of(profile(rules).unwrap());
    let document = format!(
        r#"{{{P},"deceasedDateTime":"2000","gender":"male","name":[{{"prefix":["Dr"],"text":"T","period":{{"start":"1999"}}}}],"contact":[{{"name":{{"family":"Kept"}}}}],"birthDate":"1974"}}"#
    );
    let encrypted = vault.round(&document);
    for kept in ["\"2000\"", "\"Dr\"", "\"1999\"", "\"Kept\"", "\"_gender\"", "\"_text\""] {
        assert!(encrypted.contains(kept), "{kept}: {encrypted}");
    }
    for gone in ["1974", "\"male\"", "\"T\""] {
        assert!(!encrypted.contains(gone), "{gone}: {encrypted}");
    }
}

#[test]
fn profiles_that_make_no_sense_are_refused() {
    let rule = |line: &str| format!("fhir = \"r4\"\n[[rule]]\nclass = \"x\"\n{line}\n");
    for (text, code) in [
        (rule("elements = [\"Patient.nickname\"]\nplacement = \"keep\""), "SELECTOR_SYNTAX"),
        (rule("elements = [\"Pet\"]\nplacement = \"keep\""), "SELECTOR_SYNTAX"),
        (rule("elements = [\"Patient.id\"]\nplacement = \"encrypt\""), "PROFILE_CONFLICT"),
        (rule("elements = [\"Bundle.entry.fullUrl\"]\nplacement = \"masked\""), "PROFILE_CONFLICT"),
        (rule("elements = [\"Patient.birthDate\"]\nplacement = \"pseudonym\""), "PROFILE_CONFLICT"),
        (rule("elements = [\"Patient\"]\nplacement = \"pseudonym\""), "PROFILE_CONFLICT"),
        (rule("elements = [\"string\"]\nplacement = \"inline\""), "PROFILE_SYNTAX"),
        (rule("extensions = [\"http://x\"]\nplacement = \"encrypt\""), "PROFILE_SYNTAX"),
        (rule("paths = [\"name\"]\nplacement = \"keep\""), "PROFILE_SYNTAX"),
        (rule("placement = \"keep\""), "PROFILE_SYNTAX"),
        ("fhir = \"r3\"\n".to_owned(), "PROFILE_SYNTAX"),
        ("base = \"patient-basic\"\n".to_owned(), "PROFILE_SYNTAX"),
        ("base = \"fhir-r4\"\nfhir = \"r4\"\n".to_owned(), "PROFILE_SYNTAX"),
        (
            "fhir = \"r4\"\n[document]\ncollection = \"c\"\nrecord = \"none\"\n".to_owned(),
            "PROFILE_SYNTAX",
        ),
        ("".to_owned(), "PROFILE_SYNTAX"),
    ] {
        let error = profile(&text).unwrap_err();
        assert_eq!(error.code(), code, "{error}: {text}");
        assert!(error.position().is_some(), "{error}");
    }
}
