//! The profiles that come with the crate, as the TOML files a user would write.

use super::Profile;

/// Name and text; a test loads each.
const BUILTIN: &[(&str, &str)] = &[
    ("patient-basic", include_str!("../../profiles/patient-basic.toml")),
    ("fhir-r4", include_str!("../../profiles/fhir-r4.toml")),
    ("fhir-r5", include_str!("../../profiles/fhir-r5.toml")),
];

pub(super) fn names() -> impl Iterator<Item = &'static str> {
    BUILTIN.iter().map(|(name, _)| *name)
}

pub(super) fn text(name: &str) -> Option<&'static str> {
    BUILTIN.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

pub(super) fn load(name: &str) -> Option<Profile> {
    Profile::from_toml(text(name)?).ok()
}
