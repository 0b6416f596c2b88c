//! The table profiles that come with the crate, as the TOML files a user would write.

/// Name and text; a test loads each.
const BUILTIN: &[(&str, &str)] = &[("columns", include_str!("../../../profiles/columns.toml"))];

pub(super) fn names() -> impl Iterator<Item = &'static str> {
    BUILTIN.iter().map(|(name, _)| *name)
}

pub(super) fn text(name: &str) -> Option<&'static str> {
    BUILTIN.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}
