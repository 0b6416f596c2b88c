//! The Python reference at work on a real home: its keys, its decryptor and its writer.

use crate::world::{World, python, text, workspace};
use serde_json::{Value, json};

/// Every key of a home, as bytes, got without a line of Rust.
pub(crate) struct Keys(Value);

impl Keys {
    pub(crate) fn of(world: &World) -> Self {
        let home = world.home();
        Self(serde_json::from_str(&run("medseal_home.py", &[home.to_str().unwrap()], "")).unwrap())
    }

    pub(crate) fn root(&self) -> Vec<u8> {
        bytes_of(&text(&self.0["root"]))
    }

    pub(crate) fn kwk(&self) -> Vec<u8> {
        bytes_of(&text(&self.0["kwk"]))
    }

    pub(crate) fn epoch_keys(&self) -> Vec<Vec<u8>> {
        self.0["epochs"].as_object().unwrap().values().map(|key| bytes_of(&text(key))).collect()
    }

    pub(crate) fn keks(&self) -> Vec<Vec<u8>> {
        self.0["keks"].as_object().unwrap().values().map(|key| bytes_of(&text(key))).collect()
    }

    /// The secrets of every subject: S32 and A32.
    pub(crate) fn subjects(&self) -> Vec<Vec<u8>> {
        let subjects = self.0["subjects"].as_object().unwrap().values();
        subjects
            .flat_map(|keys| [&keys["s32"], &keys["a32"]].map(|key| bytes_of(&text(key))))
            .collect()
    }

    /// As [`Keys::request`], for a value of a subject.
    pub(crate) fn request_of_subject(&self, key_version_id: &str, context: &Value) -> Value {
        let mut request = self.request(key_version_id, context);
        request["subject"] = context["subject"].clone();
        request["s32"] = self.0["subjects"][text(&context["subject"])]["s32"].clone();
        request
    }

    /// The KEK of one version, in hex.
    fn kek(&self, key_version_id: &str) -> &Value {
        &self.0["keks"][key_version_id]
    }

    /// What decryptor and writer are both told: the key, and the place with its context.
    pub(crate) fn request(&self, key_version_id: &str, context: &Value) -> Value {
        json!({
            "kek": self.kek(key_version_id),
            "kvid": key_version_id,
            "tenant": context["tenant"],
            "collection": context["collection"],
            "field": context["field"],
            "context": context,
        })
    }
}

/// The answers of the reference decryptor (`verb` is `decrypt`) or writer (`encrypt`).
pub(crate) fn ask(verb: &str, requests: Vec<Value>) -> Vec<Value> {
    let script = match verb {
        "decrypt" => "medseal_reference.py",
        _ => "medseal_writer.py",
    };
    let named = requests.into_iter().map(|mut request| {
        request["op"] = verb.into();
        request.to_string() + "\n"
    });
    let answers = run(script, &[], &named.collect::<String>());
    answers.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn run(script: &str, args: &[&str], stdin: &str) -> String {
    let script = workspace().join("reference").join(script);
    python(&[&[script.to_str().unwrap()], args].concat(), stdin)
}

pub(crate) fn bytes_of(hex: &str) -> Vec<u8> {
    let pair = |at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    (0..hex.len()).step_by(2).map(pair).collect()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
