//! The table of FHIR's types, as `cargo xtask fhir-types` makes it.
//!
//! A line is a type, what it extends, and the elements it adds with the type of each; types of
//! elements that have elements are named by their path. Nothing here is typed by hand.

use super::known::Known;

/// A release of FHIR.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Release {
    /// 4.0.1.
    R4,
    /// 5.0.0.
    R5,
}

impl Release {
    fn table(self) -> &'static str {
        match self {
            Self::R4 => include_str!("../../fhir/r4.types"),
            Self::R5 => include_str!("../../fhir/r5.types"),
        }
    }

    /// As users write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::R4 => "R4",
            Self::R5 => "R5",
        }
    }
}

/// A type by its place in the table.
pub(crate) type TypeId = u32;

/// All types of a release.
pub(crate) struct Types {
    types: Vec<Type>,
    by_name: Known<&'static str, TypeId>,
}

struct Type {
    name: &'static str,
    parent: Option<TypeId>,
    /// Own elements, not those of the parent.
    elements: Vec<(&'static str, TypeId)>,
}

impl Types {
    pub(crate) fn of(release: Release) -> Self {
        let lines = || release.table().lines().filter(|line| !line.starts_with('#'));
        let names = lines().map(|line| line.split(' ').next().unwrap_or_default());
        let by_name: Known<_, _> = names.zip(0..).collect();
        let types = lines().map(|line| {
            let mut words = line.split(' ');
            let name = words.next().unwrap_or_default();
            let parent = words.next().and_then(|parent| by_name.get(parent)).copied();
            let element = |word: &'static str| {
                let (element, of) = word.split_once(':')?;
                Some((element, *by_name.get(of)?))
            };
            Type { name, parent, elements: words.filter_map(element).collect() }
        });
        Self { types: types.collect(), by_name }
    }

    pub(crate) fn find(&self, name: &str) -> Option<TypeId> {
        self.by_name.get(name).copied()
    }

    fn at(&self, id: TypeId) -> Option<&Type> {
        self.types.get(id as usize)
    }

    pub(crate) fn name(&self, id: TypeId) -> &'static str {
        self.at(id).map_or("", |found| found.name)
    }

    /// The type and all it extends, itself first.
    pub(crate) fn chain(&self, id: TypeId) -> impl Iterator<Item = TypeId> {
        std::iter::successors(Some(id), |id| self.at(*id)?.parent).take(16)
    }

    pub(crate) fn extends(&self, id: TypeId, name: &str) -> bool {
        self.chain(id).any(|id| self.name(id) == name)
    }

    /// A date, a string, a code: what a scalar of JSON can be.
    pub(crate) fn is_primitive(&self, id: TypeId) -> bool {
        self.name(id).starts_with(|first: char| first.is_ascii_lowercase())
    }

    /// All elements of a type with their types; a type's own comes before the one it inherits.
    pub(crate) fn elements(&self, id: TypeId) -> Vec<(&'static str, TypeId)> {
        let mut all: Vec<(&'static str, TypeId)> = Vec::new();
        for id in self.chain(id) {
            let own = self.at(id).map(|found| &found.elements[..]).unwrap_or_default();
            let new = own.iter().filter(|(name, _)| !all.iter().any(|(known, _)| known == name));
            let new: Vec<_> = new.copied().collect();
            all.extend(new);
        }
        all
    }

    /// Every type.
    pub(crate) fn all(&self) -> impl Iterator<Item = TypeId> + use<> {
        0..self.types.len() as TypeId
    }

    /// The name of every element, some of them more than once.
    pub(crate) fn all_elements(&self) -> impl Iterator<Item = &'static str> {
        self.types.iter().flat_map(|found| found.elements.iter().map(|(name, _)| *name))
    }

    /// The types that a `resourceType` can name.
    pub(crate) fn resources(&self) -> impl Iterator<Item = TypeId> {
        const ABSTRACT: [&str; 4] =
            ["Resource", "DomainResource", "MetadataResource", "CanonicalResource"];
        (0..).zip(&self.types).filter_map(move |(id, found)| {
            let named = !found.name.contains('.') && !ABSTRACT.contains(&found.name);
            (named && self.extends(id, "Resource")).then_some(id)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Release, Types};

    fn type_of(types: &Types, path: &str) -> String {
        let (owner, element) = path.rsplit_once('.').unwrap();
        let owner = types.find(owner).unwrap_or_else(|| panic!("{owner}"));
        let found = types.elements(owner).into_iter().find(|(name, _)| *name == element);
        types.name(found.unwrap_or_else(|| panic!("{path}")).1).to_owned()
    }

    #[test]
    fn both_releases_say_what_the_specification_says() {
        for release in [Release::R4, Release::R5] {
            let types = Types::of(release);
            for (path, of) in [
                ("Patient.birthDate", "date"),
                ("Patient.name", "HumanName"),
                ("Patient.deceasedDateTime", "dateTime"),
                ("Patient.id", "id"),
                ("Patient.extension", "Extension"),
                ("Patient.contained", "Resource"),
                ("Patient.contact", "Patient.contact"),
                ("Patient.contact.name", "HumanName"),
                ("Patient.contact.modifierExtension", "Extension"),
                ("HumanName.id", "string"),
                ("HumanName.given", "string"),
                ("Age.value", "decimal"),
                ("Extension.url", "uri"),
                ("Extension.valueHumanName", "HumanName"),
                ("Extension.extension", "Extension"),
                ("Bundle.entry", "Bundle.entry"),
                ("Bundle.entry.resource", "Resource"),
                ("Bundle.entry.link", "Bundle.link"),
                ("Parameters.parameter.part", "Parameters.parameter"),
                ("Parameters.parameter.resource", "Resource"),
                ("QuestionnaireResponse.item.item", "QuestionnaireResponse.item"),
                ("QuestionnaireResponse.item.answer.item", "QuestionnaireResponse.item"),
                ("QuestionnaireResponse.item.answer.valueDate", "date"),
                ("Observation.valueQuantity", "Quantity"),
                ("Observation.component.valueString", "string"),
                ("Narrative.div", "xhtml"),
                ("Binary.data", "base64Binary"),
                ("Bundle.meta", "Meta"),
                ("Timing.repeat.boundsPeriod", "Period"),
            ] {
                assert_eq!(type_of(&types, path), of, "{release:?} {path}");
            }
        }
        assert_eq!(type_of(&Types::of(Release::R5), "Attachment.size"), "integer64");
        assert_eq!(type_of(&Types::of(Release::R4), "Attachment.size"), "unsignedInt");
    }

    #[test]
    fn resources_are_those_of_the_release() {
        let names = |release| -> Vec<&'static str> {
            let types = Types::of(release);
            types.resources().map(|id| types.name(id)).collect()
        };
        let (r4, r5) = (names(Release::R4), names(Release::R5));
        // PyPI `fhir.resources` has a class for each of them
        assert_eq!((r4.len(), r5.len()), (146, 158));
        for both in ["Patient", "Bundle", "Binary", "Parameters", "Observation", "Person"] {
            assert!(r4.contains(&both) && r5.contains(&both), "{both}");
        }
        assert!(r4.contains(&"Media") && !r5.contains(&"Media"));
        assert!(!r4.contains(&"HumanName") && !r4.contains(&"DomainResource"));
    }
}
