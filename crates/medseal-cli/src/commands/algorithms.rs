//! `medseal algorithms`

use crate::arguments::Arguments;
use crate::failure::Failure;
use crate::output;
use serde::Serialize;

#[derive(Serialize)]
struct Algorithm {
    code: &'static str,
    name: &'static str,
    use_for: &'static str,
    standard: &'static str,
    fips_approved: bool,
    post_quantum: &'static str,
    limit: &'static str,
    status: &'static str,
}

const SYMMETRIC: &str = "256-bit symmetric";

const ALGORITHMS: [Algorithm; 7] = [
    Algorithm {
        code: "0x01",
        name: "aes-256-gcm",
        use_for: "values",
        standard: "SP 800-38D, SP 800-108r1",
        fips_approved: true,
        post_quantum: SYMMETRIC,
        limit: "2^80 values a key",
        status: "default",
    },
    Algorithm {
        code: "0x03",
        name: "chacha20-poly1305",
        use_for: "values",
        standard: "RFC 8439, SP 800-108r1",
        fips_approved: false,
        post_quantum: SYMMETRIC,
        limit: "2^80 values a key",
        status: "available",
    },
    Algorithm {
        code: "0x11",
        name: "cobblestone-256",
        use_for: "files, arrays",
        standard: "C2SP chunked-encryption",
        fips_approved: false,
        post_quantum: SYMMETRIC,
        limit: "2^80 files a key",
        status: "default",
    },
    Algorithm {
        code: "-",
        name: "hmac-sha-256",
        use_for: "key derivation, commitment, rows",
        standard: "FIPS 198-1",
        fips_approved: true,
        post_quantum: SYMMETRIC,
        limit: "-",
        status: "always",
    },
    Algorithm {
        code: "-",
        name: "argon2id",
        use_for: "passphrase roots",
        standard: "RFC 9106",
        fips_approved: false,
        post_quantum: "-",
        limit: "-",
        status: "default",
    },
    Algorithm {
        code: "-",
        name: "pbkdf2-hmac-sha-512",
        use_for: "passphrase roots",
        standard: "SP 800-132",
        fips_approved: true,
        post_quantum: "-",
        limit: "-",
        status: "by option",
    },
    Algorithm {
        code: "0x02 0x04 0x05",
        name: "aes-256-gcm-siv, aes-256-cbc-hmac, cnsa",
        use_for: "-",
        standard: "-",
        fips_approved: false,
        post_quantum: "-",
        limit: "-",
        status: "reserved, refused",
    },
];

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    if arguments.json {
        return output::json(&ALGORITHMS.as_slice());
    }
    row(["code", "name", "used for", "standard", "FIPS", "limit", "status"])?;
    for a in &ALGORITHMS {
        let fips = if a.fips_approved { "approved" } else { "not approved" };
        row([a.code, a.name, a.use_for, a.standard, fips, a.limit, a.status])?;
    }
    Ok(())
}

fn row([code, name, use_for, standard, fips, limit, status]: [&str; 7]) -> Result<(), Failure> {
    output::line(&format!(
        "{code:<15} {name:<40} {use_for:<33} {standard:<25} {fips:<13} {limit:<18} {status}"
    ))
}
