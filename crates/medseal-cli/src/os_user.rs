//! Users of the operating system by number or name.

use crate::failure::Failure;

/// The user id: the number itself, or what `/etc/passwd` says of a name. Users that come from
/// elsewhere are named by their number (`id -u NAME`).
pub(crate) fn id(text: &str) -> Result<u32, Failure> {
    if let Ok(id) = text.parse() {
        return Ok(id);
    }
    let known = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    find(&known, text).ok_or_else(|| {
        Failure::usage(format!(
            "there is no user `{text}` in /etc/passwd; give the number, `id -u`"
        ))
    })
}

fn find(passwd: &str, name: &str) -> Option<u32> {
    passwd.lines().find_map(|line| {
        let mut parts = line.split(':');
        (parts.next() == Some(name)).then(|| parts.nth(1)?.parse().ok()).flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::{find, id};

    #[test]
    fn names_are_whole_and_numbers_are_themselves() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/:/bin/false\nbad:x\n";
        assert_eq!(find(passwd, "root"), Some(0));
        assert_eq!(find(passwd, "nobody"), Some(65_534));
        for other in ["", "roo", "roots", "x", "bad", "0"] {
            assert_eq!(find(passwd, other), None, "{other}");
        }
        assert_eq!(id("65534").ok(), Some(65_534));
        assert!(id("-1").is_err());
        assert!(id("4294967296").is_err());
    }
}
