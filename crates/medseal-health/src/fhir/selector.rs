//! What a rule of a FHIR profile names: a type, or an element of a type.

use super::types::{Release, TypeId, Types};
use crate::error::{HealthError, Position, ProfileFault};

/// A name of FHIR, found in the table of types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Named {
    /// Every value of this type, or of one that extends it, with all that is in it.
    Type(TypeId),
    /// This element of this type, and of those that inherit it.
    Element(TypeId, &'static str),
}

impl Types {
    /// Reads `HumanName`, `Patient.contact` or `Identifier.value`.
    pub(crate) fn named(&self, text: &str, release: Release) -> Result<Named, HealthError> {
        if let Some(id) = self.find(text) {
            return Ok(Named::Type(id));
        }
        let element = text.rsplit_once('.').and_then(|(owner, element)| {
            let owner = self.find(owner)?;
            let known = self.elements(owner).into_iter().find(|(name, _)| *name == element);
            known.map(|(name, _)| Named::Element(owner, name))
        });
        element.ok_or_else(|| {
            let detail = format!("`{text}` is no type and no element of FHIR {}", release.name());
            HealthError::profile(ProfileFault::Selector, detail)
                .placed(Position { line: 1, column: 1 })
        })
    }
}
