//! What a stream says about its content, encrypted: name, kind, size, and how an array lies.
//!
//! One description has one text (`spec/stream.md`, Metadata): JSON without white space, members in
//! a fixed order. A reader writes again what it understood and compares, so an unknown or repeated
//! member, another order or another spelling is refused. The name may be a patient's: `Debug`
//! prints nothing, and the text is wiped.

use crate::envelope::ValueType;
use crate::{Error, MisuseKind, Plaintext};
use zeroize::Zeroizing;

const MAX_NAME_BYTES: usize = 255;
const MAX_KIND_BYTES: usize = 32;
const MAX_DIMENSIONS: usize = 64;
/// The most bytes of content.
const MAX_NUMBER: u64 = (1 << 52) - 1;

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$variant_doc])* $variant),*
        }

        impl $name {
            /// Every one.
            pub const ALL: &'static [$name] = &[$($name::$variant),*];

            /// The word in the metadata.
            pub fn name(self) -> &'static str {
                match self {
                    $($name::$variant => $word),*
                }
            }

            /// Reads the word.
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|word| word.name() == name)
            }
        }
    };
}

words!(
    /// The type of an array's elements.
    Dtype {
        /// One byte, 0 or 1.
        Bool = "bool",
        /// Signed, 8 bits.
        I8 = "i8",
        /// Signed, 16 bits.
        I16 = "i16",
        /// Signed, 32 bits.
        I32 = "i32",
        /// Signed, 64 bits.
        I64 = "i64",
        /// Unsigned, 8 bits.
        U8 = "u8",
        /// Unsigned, 16 bits.
        U16 = "u16",
        /// Unsigned, 32 bits.
        U32 = "u32",
        /// Unsigned, 64 bits.
        U64 = "u64",
        /// Floating point, 16 bits.
        F16 = "f16",
        /// Floating point, 32 bits.
        F32 = "f32",
        /// Floating point, 64 bits.
        F64 = "f64",
        /// Complex, 64 bits.
        C64 = "c64",
        /// Complex, 128 bits.
        C128 = "c128",
        /// Something else, such as records, strings or pickled objects; never looked into.
        Opaque = "opaque",
    }
);

impl Dtype {
    /// Bytes of one element; `None` where that is not known.
    pub fn item_bytes(self) -> Option<u64> {
        match self {
            Dtype::Bool | Dtype::I8 | Dtype::U8 => Some(1),
            Dtype::I16 | Dtype::U16 | Dtype::F16 => Some(2),
            Dtype::I32 | Dtype::U32 | Dtype::F32 => Some(4),
            Dtype::I64 | Dtype::U64 | Dtype::F64 | Dtype::C64 => Some(8),
            Dtype::C128 => Some(16),
            Dtype::Opaque => None,
        }
    }
}

words!(
    /// How the bytes of an element lie.
    ByteOrder {
        /// Least significant byte first.
        Little = "little",
        /// Most significant byte first.
        Big = "big",
        /// Elements have one byte, or the order is not known.
        None = "none",
    }
);

words!(
    /// Which index moves fastest.
    Order {
        /// The last one.
        C = "c",
        /// The first one.
        Fortran = "f",
    }
);

/// What a stream says about its content. Every part may be absent.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Metadata {
    /// The file's name, without folders.
    pub name: Option<Zeroizing<String>>,
    /// What the content is, such as `npy` or `directory`.
    pub kind: Option<String>,
    /// Bytes of content.
    pub size: Option<u64>,
    /// Type of an array's elements.
    pub dtype: Option<Dtype>,
    /// How the bytes of an element lie.
    pub byte_order: Option<ByteOrder>,
    /// The array's shape.
    pub shape: Option<Vec<u64>>,
    /// Which index moves fastest.
    pub order: Option<Order>,
}

impl std::fmt::Debug for Metadata {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Metadata(..)")
    }
}

/// The members as they stand in the text.
#[derive(serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Text<'a> {
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    name: Option<std::borrow::Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dtype: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    byte_order: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    shape: Option<std::borrow::Cow<'a, [u64]>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    order: Option<&'a str>,
}

impl Metadata {
    /// The one text of this description.
    ///
    /// # Errors
    /// [`MisuseKind::Metadata`] for a part outside its limits.
    pub fn to_text(&self) -> Result<Zeroizing<String>, Error> {
        self.check()?;
        let text = Text {
            name: self.name.as_ref().map(|name| name.as_str().into()),
            kind: self.kind.as_deref(),
            size: self.size,
            dtype: self.dtype.map(Dtype::name),
            byte_order: self.byte_order.map(ByteOrder::name),
            shape: self.shape.as_deref().map(Into::into),
            order: self.order.map(Order::name),
        };
        let text = serde_json::to_string(&text).map_err(|_| MisuseKind::Metadata("encoding"))?;
        Ok(Zeroizing::new(text))
    }

    /// Reads metadata that was decrypted.
    ///
    /// # Errors
    /// [`Error::Rejected`] for anything but the one text of a description.
    pub(super) fn from_plaintext(plaintext: &Plaintext) -> Result<Self, Error> {
        if plaintext.value_type() != ValueType::Json {
            return Err(Error::Rejected);
        }
        Self::from_text(plaintext.as_bytes()).ok_or(Error::Rejected)
    }

    /// Compares the size that was announced, if one was, with the content's.
    ///
    /// # Errors
    /// [`Error::Rejected`].
    pub fn check_size(&self, content: u64) -> Result<(), Error> {
        if self.size.is_none_or(|size| size == content) { Ok(()) } else { Err(Error::Rejected) }
    }

    fn from_text(bytes: &[u8]) -> Option<Self> {
        let text: Text<'_> = serde_json::from_slice(bytes).ok()?;
        let found = Self {
            name: text.name.map(|name| Zeroizing::new(name.into_owned())),
            kind: text.kind.map(str::to_owned),
            size: text.size,
            dtype: known(text.dtype, Dtype::from_name)?,
            byte_order: known(text.byte_order, ByteOrder::from_name)?,
            shape: text.shape.map(std::borrow::Cow::into_owned),
            order: known(text.order, Order::from_name)?,
        };
        let again = found.to_text().ok()?;
        (again.as_bytes() == bytes).then_some(found)
    }

    fn check(&self) -> Result<(), MisuseKind> {
        let refuse = |holds: bool, what: &'static str| {
            if holds { Ok(()) } else { Err(MisuseKind::Metadata(what)) }
        };
        let name = self.name.as_ref().is_none_or(|name| is_file_name(name));
        refuse(name, "a name has 1 to 255 bytes, no `/`, no NUL, and is not `.` or `..`")?;
        let kind = self.kind.as_deref().is_none_or(is_kind);
        refuse(kind, "a kind has 1 to 32 characters of a-z, 0-9 and `-`")?;
        refuse(self.size.is_none_or(|n| n <= MAX_NUMBER), "the size is too large")?;
        let in_range = |shape: &Vec<u64>| {
            shape.len() <= MAX_DIMENSIONS && shape.iter().all(|n| *n <= MAX_NUMBER)
        };
        let shape = self.shape.as_ref().is_none_or(in_range);
        refuse(shape, "a shape has at most 64 numbers below 2^52")
    }
}

/// `Some(None)` for an absent word, `None` for an unknown one.
fn known<T>(word: Option<&str>, read: impl Fn(&str) -> Option<T>) -> Option<Option<T>> {
    match word {
        Some(word) => read(word).map(Some),
        None => Some(None),
    }
}

fn is_file_name(name: &str) -> bool {
    let length = (1..=MAX_NAME_BYTES).contains(&name.len());
    length && !name.contains(['/', '\0']) && name != "." && name != ".."
}

fn is_kind(kind: &str) -> bool {
    let legal = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=MAX_KIND_BYTES).contains(&kind.len()) && kind.bytes().all(legal)
}
