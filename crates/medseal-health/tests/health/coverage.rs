//! The list of leaf paths and what covers them.

use medseal_health::{Cover, Coverage};

use crate::scanner_with;

#[test]
fn lists_every_leaf() {
    let rules = "[[rule]]\npaths = ['a', 'n[*].s']\nplacement = 'inline'\nclass = 'x'\n\
                 [[rule]]\npaths = ['k']\nplacement = 'keep'\nclass = 'x'\n\
                 [[rule]]\npaths = ['r']\nplacement = 'remove'\nclass = 'x'\n";
    let head = "roots = ['**.sub']\ncollection = 'c'\nrecord = { path = 'id' }\nunnamed = 'refuse'";
    let mut scanner = scanner_with(head, rules);
    let mut coverage = Coverage::new();
    for document in [
        r#"{"a":{"b":1,"c":[1,2,{}]},"n":[{"s":1,"t":2},{"s":null}],"k":{"x":1}}"#,
        r#"{"sub":{"id":1,"a":"x","o":true},"r":0,"id":2}"#,
        "3",
    ] {
        scanner.cover(document.as_bytes(), &mut coverage).unwrap();
    }
    let listed: Vec<_> = coverage
        .entries()
        .map(|entry| {
            let cover = match entry.cover {
                Cover::Rule(_, placement) => placement.name(),
                Cover::Identity => "identity",
                Cover::Unnamed => "-",
            };
            format!("{} {} {cover}", entry.path, entry.count)
        })
        .collect();
    assert_eq!(
        listed,
        [
            "$ 1 -",
            "a 1 inline",
            "a.b 1 inline",
            "a.c[*] 2 inline",
            "id 2 identity",
            "k.x 1 keep",
            "n[*].s 2 inline",
            "n[*].t 1 -",
            "o 1 -",
            "r 1 remove",
        ]
    );
}

#[test]
fn refuses_what_is_no_json_and_what_never_ends() {
    let mut scanner = scanner_with("collection = 'c'\nrecord = 'none'", "");
    assert!(scanner.cover(b"[1,]", &mut Coverage::new()).is_err());
    let members: Vec<_> = (0..65_537).map(|i| format!("\"k{i}\":1")).collect();
    let document = format!("{{{}}}", members.join(","));
    let error = scanner.cover(document.as_bytes(), &mut Coverage::new()).expect_err("too many");
    assert_eq!(error.code(), "TOO_MANY_FIELDS");
}
