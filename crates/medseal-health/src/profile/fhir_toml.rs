//! The TOML form of a profile of FHIR, or of one that puts its own rules before a built-in one's.

use toml::Spanned;

use super::build::build_fhir;
use super::toml::{RawPlacement, RawProfile, RawRule, Reader};
use super::{Placement, Profile, Rule, builtin};
use crate::automaton;
use crate::error::{HealthError, ProfileFault};
use crate::fhir::selector::Named;
use crate::fhir::types::{Release, Types};

pub(super) fn read(reader: &Reader<'_>, raw: RawProfile) -> Result<Profile, HealthError> {
    let name = reader.word(&raw.profile)?;
    let place = reader.place(raw.profile.span());
    if raw.has_document() {
        let detail = "a profile of FHIR has no `[document]`: a record is a resource";
        return Err(reader.syntax(detail, raw.profile.span()));
    }
    let base = raw.base.as_ref().map(|base| base_of(reader, base)).transpose()?;
    let release = match (raw.fhir, &base) {
        (Some(release), None) => release,
        (None, Some((base, _))) => *base,
        _ => {
            let detail = "`base` says the release, so `fhir` does not stand beside it";
            return Err(reader.syntax(detail, raw.profile.span()));
        }
    };
    let types = Types::of(release);
    let mut rules = Vec::new();
    for raw in &raw.rule {
        rules.push(rule(reader, raw, release, &types)?);
    }
    rules.extend(base.into_iter().flat_map(|(_, rules)| rules));
    build_fhir(name, raw.revision, raw.description, rules, release, &types)
        .map_err(|error| error.placed(place))
}

/// The release and rules of a built-in profile.
fn base_of(
    reader: &Reader<'_>,
    base: &Spanned<String>,
) -> Result<(Release, Vec<Rule>), HealthError> {
    let profile = builtin::load(base.as_ref());
    let found = profile.and_then(|profile| Some((profile.release()?, profile.rules)));
    let detail = "`base` is a built-in profile of FHIR: `fhir-r4` or `fhir-r5`";
    found.ok_or_else(|| reader.syntax(detail, base.span()))
}

fn rule(
    reader: &Reader<'_>,
    raw: &RawRule,
    release: Release,
    types: &Types,
) -> Result<Rule, HealthError> {
    if raw.paths.is_some() || raw.types.is_some() {
        let detail = "a rule of FHIR names `elements` and `extensions`, not `paths` and `types`";
        return Err(reader.syntax(detail, raw.class.span()));
    }
    let mut elements = Vec::new();
    for text in raw.elements.iter().flat_map(Spanned::as_ref) {
        let named = types.named(text.as_ref(), release);
        elements.push(named.map_err(|error| error.placed(reader.place(text.span())))?);
    }
    let urls = raw.extensions.iter().flat_map(Spanned::as_ref);
    let extensions: Vec<String> = urls.map(|url| url.as_ref().clone()).collect();
    if elements.is_empty() && extensions.is_empty() {
        return Err(reader.syntax("a rule needs an element or an extension", raw.class.span()));
    }
    let placement = placement(reader, raw)?;
    if placement != Placement::Keep && !extensions.is_empty() {
        // the url would decide on a class, and one field can have one class only
        let detail = "extensions can be named to be kept; all others are encrypted";
        return Err(reader.syntax(detail, raw.placement.span()));
    }
    check_pseudonym(reader, raw, &elements, placement)?;
    Ok(Rule {
        selectors: Vec::new(),
        elements,
        extensions,
        types: automaton::Types { objects: false, arrays: false },
        placement,
        class: reader.word(&raw.class)?,
        key: raw.key.as_ref().map(|key| reader.key_name(key)).transpose()?,
        padded: raw.padded,
    })
}

/// `encrypt` is "inline" until the element's type says what keeps it valid.
fn placement(reader: &Reader<'_>, raw: &RawRule) -> Result<Placement, HealthError> {
    match raw.placement.as_ref() {
        RawPlacement::Encrypt => Ok(Placement::Inline),
        RawPlacement::Masked => Ok(Placement::Masked),
        RawPlacement::Keep => Ok(Placement::Keep),
        RawPlacement::Pseudonym => Ok(Placement::Pseudonym),
        RawPlacement::Inline | RawPlacement::Remove => {
            let detail = "a profile of FHIR knows `encrypt`, `masked`, `pseudonym` and `keep`";
            Err(reader.syntax(detail, raw.placement.span()))
        }
    }
}

/// A pseudonym is of single elements; a whole type has other things in it.
fn check_pseudonym(
    reader: &Reader<'_>,
    raw: &RawRule,
    elements: &[Named],
    placement: Placement,
) -> Result<(), HealthError> {
    let whole = elements.iter().any(|named| matches!(named, Named::Type(_)));
    if placement == Placement::Pseudonym && whole {
        let error = HealthError::profile(
            ProfileFault::Conflict,
            "`pseudonym` is for elements such as `Patient.id`, not for types",
        );
        return Err(error.placed(reader.place(raw.placement.span())));
    }
    Ok(())
}
