//! Reads deterministic CBOR (RFC 8949 section 4.2.1), and of it only what an entry is made of: maps
//! with small keys, unsigned integers, bytes, text and arrays of those.
//!
//! Nothing else is read: a number in more bytes than it needs, an indefinite length, a tag, a
//! member out of order, twice or unknown ends the reading. So what is accepted has one encoding, and
//! nobody has to encode it again to see that.

/// What stands at the top of an item's first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Major {
    Number = 0,
    Bytes = 2,
    Text = 3,
    Array = 4,
    Map = 5,
}

/// Items, one after another.
pub(super) struct Items<'a> {
    rest: &'a [u8],
}

impl<'a> Items<'a> {
    /// An unsigned integer.
    pub(super) fn number(&mut self) -> Option<u64> {
        self.head(Major::Number)
    }

    /// A string of bytes.
    pub(super) fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = self.head(Major::Bytes)?;
        self.take(length)
    }

    /// A string of exactly so many bytes.
    pub(super) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.bytes()?.try_into().ok()
    }

    /// A text.
    pub(super) fn text(&mut self) -> Option<&'a str> {
        let length = self.head(Major::Text)?;
        std::str::from_utf8(self.take(length)?).ok()
    }

    /// The beginning of an array: how many items follow.
    pub(super) fn list(&mut self) -> Option<u64> {
        self.head(Major::Array)
    }

    fn take(&mut self, length: u64) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(usize::try_from(length).ok()?)?;
        self.rest = rest;
        Some(taken)
    }

    fn head(&mut self, major: Major) -> Option<u64> {
        let (&first, rest) = self.rest.split_first()?;
        if first >> 5 != major as u8 {
            return None;
        }
        self.rest = rest;
        match first & 0x1f {
            small @ 0..24 => Some(u64::from(small)),
            24 => self.argument().map(u8::from_be_bytes).map(u64::from).filter(|n| *n >= 24),
            25 => self.argument().map(u16::from_be_bytes).map(u64::from).filter(|n| *n > 0xff),
            26 => self.argument().map(u32::from_be_bytes).map(u64::from).filter(|n| *n > 0xffff),
            27 => self.argument().map(u64::from_be_bytes).filter(|n| *n > 0xffff_ffff),
            _ => None,
        }
    }

    fn argument<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (bytes, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(*bytes)
    }
}

/// The members of one map, which are asked for in ascending order.
pub(super) struct Members<'a> {
    items: Items<'a>,
    left: u64,
    /// The member that stands next.
    next: Option<u64>,
}

impl<'a> Members<'a> {
    /// The map that `bytes` begin with.
    pub(super) fn of(bytes: &'a [u8]) -> Option<Self> {
        let mut items = Items { rest: bytes };
        let left = items.head(Major::Map)?;
        let mut members = Self { items, left, next: None };
        members.advance()?;
        Some(members)
    }

    /// A member that must stand here.
    pub(super) fn required<T>(
        &mut self,
        member: u64,
        read: impl FnOnce(&mut Items<'a>) -> Option<T>,
    ) -> Option<T> {
        self.optional(member, read)?
    }

    /// A member that may stand here; the outer `None` when it is malformed.
    pub(super) fn optional<T>(
        &mut self,
        member: u64,
        read: impl FnOnce(&mut Items<'a>) -> Option<T>,
    ) -> Option<Option<T>> {
        if self.next != Some(member) {
            return Some(None);
        }
        let value = read(&mut self.items)?;
        self.advance()?;
        Some(Some(value))
    }

    /// Whether every member was asked for, and nothing stands behind the map.
    pub(super) fn are_all_read(&self) -> bool {
        self.next.is_none() && self.items.rest.is_empty()
    }

    fn advance(&mut self) -> Option<()> {
        self.next = match self.left.checked_sub(1) {
            Some(left) => {
                self.left = left;
                Some(self.items.number()?)
            }
            None => None,
        };
        Some(())
    }
}
