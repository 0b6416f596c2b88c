//! How a raw array lies, as people write it: `f32le` and `32x1000`.

use super::Kind;
use crate::error::EngineError;
use medseal_core::stream::{ByteOrder, Dtype, Metadata, Order};

/// How a raw array lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArrayLayout {
    /// Type of its elements.
    pub dtype: Dtype,
    /// How their bytes lie.
    pub byte_order: ByteOrder,
    /// Its shape.
    pub shape: Vec<u64>,
    /// Which index moves fastest.
    pub order: Order,
}

impl ArrayLayout {
    /// Reads `f32le` and `32x1000`. Types of one byte have no byte order.
    ///
    /// # Errors
    /// [`EngineError::ArrayInvalid`].
    pub fn parse(dtype: &str, shape: &str) -> Result<Self, EngineError> {
        const WHAT: EngineError = EngineError::ArrayInvalid(
            "a type is one of u8 i8 bool, or i16 to i64, u16 to u64, f16 to f64, c64, c128 with le or be",
        );
        let of_size = |name: &str, fits: fn(u64) -> bool| {
            Dtype::from_name(name).filter(|dtype| dtype.item_bytes().is_some_and(fits))
        };
        let one_byte = of_size(dtype, |bytes| bytes == 1);
        let wider = |name: &str| of_size(name, |bytes| bytes > 1).ok_or(WHAT);
        let (dtype, byte_order) =
            match (one_byte, dtype.strip_suffix("le"), dtype.strip_suffix("be")) {
                (Some(dtype), ..) => (dtype, ByteOrder::None),
                (_, Some(name), _) => (wider(name)?, ByteOrder::Little),
                (_, _, Some(name)) => (wider(name)?, ByteOrder::Big),
                _ => return Err(WHAT),
            };
        let number = |text: &str| {
            let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
            plain.then(|| text.parse::<u64>().ok()).flatten()
        };
        let shape: Option<Vec<u64>> = shape.split('x').map(number).collect();
        let shape = shape.ok_or(EngineError::ArrayInvalid("a shape is such as 32x1000"))?;
        let layout = Self { dtype, byte_order, shape, order: Order::C };
        layout.bytes()?;
        Ok(layout)
    }

    /// Bytes of one array.
    pub(super) fn bytes(&self) -> Result<u64, EngineError> {
        let item = self.dtype.item_bytes();
        let product = self.shape.iter().try_fold(item.unwrap_or(1), |n, m| n.checked_mul(*m));
        product.ok_or(EngineError::ArrayInvalid("its shape is too large"))
    }

    /// The metadata of one array.
    pub(super) fn metadata(&self) -> Metadata {
        Metadata {
            kind: Some(Kind::Array.name().to_owned()),
            size: self.bytes().ok(),
            dtype: Some(self.dtype),
            byte_order: Some(self.byte_order),
            shape: Some(self.shape.clone()),
            order: Some(self.order),
            ..Metadata::default()
        }
    }
}
