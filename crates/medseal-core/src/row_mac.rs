//! Authentication of the store's rows: a database administrator is not trusted.
//!
//! ```text
//! row_mac = HMAC(KDF(KWK, "medseal/v1/row-mac", LP(store id)),
//!                LP(table) ‖ LP(primary key) ‖ u64be version ‖ deterministic CBOR of the columns)
//! ```
//! The columns are one CBOR array in schema order (RFC 8949 section 4.2.1). A row that was edited
//! or moved to another key is refused; a row put back as a whole is caught by the state root, not
//! here.

use crate::kdf::{Label, derive};
use crate::length_prefix::{length_prefixed, push_length_prefixed};
use crate::primitives::{constant_time_equal, hmac_sha256::HmacKey};
use crate::secret::Kwk;
use crate::{Error, MisuseKind, StoreId};
use minicbor::Encoder;

/// One column's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Column {
    /// SQL NULL.
    Null,
    /// A 64-bit integer.
    Integer(i64),
    /// UTF-8 text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
}

/// The key that authenticates rows of one store.
pub struct RowMacKey(HmacKey);

impl Kwk {
    /// Derives the row authentication key of `store`.
    pub fn row_mac_key(&self, store: &StoreId) -> RowMacKey {
        let context = length_prefixed(&[store.as_str().as_bytes()]);
        let hmac = HmacKey::new(self.expose_bytes());
        RowMacKey(HmacKey::new(&derive::<32>(&hmac, Label::RowMac, &[&context])))
    }
}

impl RowMacKey {
    /// The MAC of one row.
    ///
    /// # Errors
    /// None that can occur: the signature follows the encoder's.
    pub fn mac(
        &self,
        table: &str,
        primary_key: &[u8],
        version: u64,
        columns: &[Column],
    ) -> Result<[u8; 32], Error> {
        let mut message = length_prefixed(&[table.as_bytes(), primary_key]);
        message.extend_from_slice(&version.to_be_bytes());
        message.extend_from_slice(&encode(columns)?);
        Ok(self.0.mac(&message))
    }

    /// Compares in constant time.
    ///
    /// # Errors
    /// [`Error::Rejected`].
    pub fn verify(
        &self,
        table: &str,
        primary_key: &[u8],
        version: u64,
        columns: &[Column],
        mac: &[u8],
    ) -> Result<(), Error> {
        let expected = self.mac(table, primary_key, version, columns)?;
        if constant_time_equal(&expected, mac) { Ok(()) } else { Err(Error::Rejected) }
    }
}

/// The bytes of a primary key: its columns as text, each length-prefixed.
pub fn primary_key(columns: &[&str]) -> Vec<u8> {
    let mut out = Vec::new();
    columns.iter().for_each(|column| push_length_prefixed(&mut out, column.as_bytes()));
    out
}

fn encode(columns: &[Column]) -> Result<Vec<u8>, Error> {
    // Writing to a Vec cannot fail; the mapping keeps this total without a panic.
    encode_columns(columns).map_err(|_| MisuseKind::ValueLength.into())
}

fn encode_columns(
    columns: &[Column],
) -> Result<Vec<u8>, minicbor::encode::Error<std::convert::Infallible>> {
    let mut encoder = Encoder::new(Vec::new());
    encoder.array(columns.len() as u64)?;
    for column in columns {
        match column {
            Column::Null => encoder.null()?,
            Column::Integer(n) => encoder.i64(*n)?,
            Column::Text(text) => encoder.str(text)?,
            Column::Bytes(bytes) => encoder.bytes(bytes)?,
        };
    }
    Ok(encoder.into_writer())
}
