//! Makes the automaton of a FHIR profile: a state is a type, or a primitive with its verdict.
//!
//! What a rule says of a container reaches everything in it, so a state also knows the first rule
//! that names something around it. Of all rules that name a value, its type or what is around it,
//! the first in the profile counts. What is not in the table of types falls to "unknown", where
//! every scalar is encrypted.

use super::known::Known;
use super::selector::Named;
use super::types::{TypeId, Types};
use crate::automaton::{Automaton, Meaning, Resources, Role, State, Symbols, Typed};
use crate::error::{HealthError, ProfileFault};
use crate::profile::{Placement, Rule, RuleId};

/// The number of a rule; the lowest counts.
type Rank = Option<u16>;

/// What a state stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    place: Place,
    /// The first rule that names something around it.
    inherited: Rank,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Place {
    /// Where a resource stands, whatever its type.
    Resource {
        contained: bool,
    },
    /// A resource of a type that the table does not have.
    Foreign,
    Type(TypeId),
    Leaf(Leaf),
    /// The extensions beside a masked primitive.
    Sibling(Leaf),
    Unknown,
}

/// A primitive with its verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Leaf {
    rule: RuleId,
    placement: Placement,
    part: Part,
}

/// What else a primitive is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Part {
    Nothing,
    Number,
    Collection,
    Id,
    Reference,
    /// One of a choice of types, encrypted as the string among them.
    Renamed(&'static str),
    /// That string.
    Choice(&'static str),
}

struct Compiler<'r> {
    types: &'r Types,
    rules: &'r [Rule],
    /// The first rule that names a type or one that it extends.
    by_type: Vec<Rank>,
    by_element: Known<(TypeId, &'static str), u16>,
    by_url: Vec<(&'r str, u16)>,
    symbols: Symbols,
    known: Known<Key, State>,
    keys: Vec<Key>,
    /// (from, column, to)
    steps: Vec<(State, usize, State)>,
    meanings: Vec<Meaning>,
}

/// The automaton, and of each type of resource whether its ids are pseudonyms.
pub(crate) fn compile(
    types: &Types,
    rules: &[Rule],
) -> Result<(Automaton, Known<&'static str, bool>), HealthError> {
    let mut compiler = Compiler::new(types, rules);
    compiler.state(Key { place: Place::Resource { contained: false }, inherited: None });
    let unknown = compiler.state(Key { place: Place::Unknown, inherited: None });
    let mut next = 0;
    while let Some(&key) = compiler.keys.get(next) {
        let meaning = compiler.meaning(key)?;
        compiler.meanings.push(meaning);
        compiler.steps_from(next as State, key)?;
        next += 1;
    }
    let mut ids = Known::default();
    for id in types.resources() {
        let leaf = compiler.leaf(id, "id", types.find("id").unwrap_or_default(), None)?;
        ids.insert(types.name(id), leaf.placement == Placement::Pseudonym);
    }
    let Compiler { symbols, steps, meanings, .. } = compiler;
    Ok((Automaton::sparse(symbols, &steps, unknown, meanings), ids))
}

impl<'r> Compiler<'r> {
    fn new(types: &'r Types, rules: &'r [Rule]) -> Self {
        let (mut by_type, mut by_element, mut by_url) =
            (Known::default(), Known::default(), Vec::new());
        for (number, rule) in (0..).zip(rules) {
            for named in rule.elements() {
                match *named {
                    Named::Type(id) => _ = by_type.entry(id).or_insert(number),
                    Named::Element(id, name) => _ = by_element.entry((id, name)).or_insert(number),
                }
            }
            by_url.extend(rule.extensions().iter().map(|url| (url.as_str(), number)));
        }
        let rank = |id| types.chain(id).filter_map(|id| by_type.get(&id).copied()).min();
        let by_type = types.all().map(rank).collect();
        let mut symbols = Symbols::new(types.all_elements().chain(["resourceType"]));
        let beside: Vec<String> = symbols.keys().map(|name| format!("_{name}")).collect();
        beside.iter().for_each(|name| symbols.insert(name));
        let (known, keys, steps, meanings) = (Known::default(), Vec::new(), Vec::new(), Vec::new());
        Self { types, rules, by_type, by_element, by_url, symbols, known, keys, steps, meanings }
    }

    fn state(&mut self, key: Key) -> State {
        // inside of what nobody knows there is nothing to inherit
        let key = match key.place {
            Place::Unknown | Place::Leaf(_) => Key { inherited: None, ..key },
            _ => key,
        };
        let next = self.keys.len() as State;
        let state = *self.known.entry(key).or_insert(next);
        if state == next {
            self.keys.push(key);
        }
        state
    }

    fn type_rank(&self, id: TypeId) -> Rank {
        self.by_type.get(id as usize).copied().flatten()
    }

    fn element_rank(&self, owner: TypeId, element: &'static str) -> Rank {
        let chain = self.types.chain(owner);
        chain.filter_map(|id| self.by_element.get(&(id, element)).copied()).min()
    }

    fn placement(&self, rule: RuleId) -> Placement {
        self.rules.get(usize::from(rule.0)).map_or(Placement::Inline, Rule::placement)
    }

    fn steps_from(&mut self, from: State, key: Key) -> Result<(), HealthError> {
        match key.place {
            Place::Type(id) => self.type_steps(from, id, key.inherited),
            Place::Sibling(_) => {
                let element = self.types.find("Element").unwrap_or_default();
                self.type_steps(from, element, key.inherited)
            }
            Place::Foreign => {
                let id =
                    Leaf { rule: RuleId::UNNAMED, placement: Placement::Pseudonym, part: Part::Id };
                self.step(from, "resourceType", Key { place: COLLECTION, inherited: None });
                self.step(from, "id", Key { place: Place::Leaf(id), inherited: None });
                if let Some(meta) = self.types.find("Meta") {
                    self.step(from, "meta", Key { place: Place::Type(meta), inherited: None });
                }
                Ok(())
            }
            Place::Resource { .. } | Place::Leaf(_) | Place::Unknown => Ok(()),
        }
    }

    fn step(&mut self, from: State, element: &str, key: Key) {
        let to = self.state(key);
        let column = self.symbols.column(element);
        self.steps.push((from, column, to));
    }

    fn type_steps(
        &mut self,
        from: State,
        owner: TypeId,
        inherited: Rank,
    ) -> Result<(), HealthError> {
        if self.types.extends(owner, "Resource") {
            self.step(from, "resourceType", Key { place: COLLECTION, inherited: None });
        }
        let sibling = Place::Type(self.types.find("Element").unwrap_or_default());
        let mut beside = String::from("_");
        for (element, of) in self.types.elements(owner) {
            if self.types.is_primitive(of) {
                let leaf = self.leaf(owner, element, of, inherited)?;
                self.step(from, element, Key { place: Place::Leaf(leaf), inherited: None });
                let masked = leaf.placement == Placement::Masked;
                let place = if masked { Place::Sibling(leaf) } else { sibling };
                beside.truncate(1);
                beside.push_str(element);
                self.step(from, &beside, Key { place, inherited });
                continue;
            }
            let ranks = [inherited, self.element_rank(owner, element), self.type_rank(of)];
            let place = match self.types.name(of) {
                "Resource" | "DomainResource" => {
                    Place::Resource { contained: element == "contained" }
                }
                _ => Place::Type(of),
            };
            self.step(from, element, Key { place, inherited: first(ranks) });
        }
        Ok(())
    }

    /// The verdict on a primitive element.
    fn leaf(
        &self,
        owner: TypeId,
        element: &'static str,
        of: TypeId,
        inherited: Rank,
    ) -> Result<Leaf, HealthError> {
        let named = self.element_rank(owner, element);
        let rank = first([inherited, named, self.type_rank(of)]);
        let rule = rank.map_or(RuleId::UNNAMED, RuleId);
        let path = (self.types.name(owner), element);
        let kind = self.types.name(of);
        let identity = kind == "id" && element == "id" || path == ("Bundle.entry", "fullUrl");
        let asked = self.placement(rule);
        let wanted = match asked {
            // by its url an extension is known, when decrypting too
            _ if path == ("Extension", "url") => Placement::Keep,
            Placement::Inline | Placement::Masked
                if identity && named.is_some() && named == rank =>
            {
                return Err(conflict(
                    path,
                    "names its record and can only be `keep` or `pseudonym`",
                ));
            }
            Placement::Inline | Placement::Masked if identity => Placement::Pseudonym,
            Placement::Pseudonym if !["id", "string", "uri", "url"].contains(&kind) => {
                return Err(conflict(
                    path,
                    "is no id and no reference, so it can have no pseudonym",
                ));
            }
            Placement::Inline => by_type(kind),
            Placement::Masked if kind == "xhtml" => Placement::Narrative,
            other => other,
        };
        let may_rename = asked == Placement::Inline && wanted == Placement::Masked;
        let string = match may_rename {
            true => self.string_instead(owner, element, kind, inherited)?,
            false => None,
        };
        if let Some(string) = string {
            let name = Part::Renamed(string.0);
            return Ok(Leaf { rule: string.1, placement: Placement::Inline, part: name });
        }
        let part = match wanted {
            _ if kind == "id" && element == "id" => Part::Id,
            Placement::Pseudonym => Part::Reference,
            Placement::Keep if NUMBERS.contains(&kind) => Part::Number,
            Placement::Inline if kind == "string" && element.ends_with("String") => {
                Part::Choice(element)
            }
            _ => Part::Nothing,
        };
        Ok(Leaf { rule, placement: wanted, part })
    }

    /// The string among the types of a choice, such as `valueString` for `valueDate`: there a
    /// ciphertext may stand, and readers who want one of the choice find one. None when there is
    /// none, or when it is not encrypted itself and so would not be opened.
    fn string_instead(
        &self,
        owner: TypeId,
        element: &'static str,
        kind: &str,
        inherited: Rank,
    ) -> Result<Option<(&'static str, RuleId)>, HealthError> {
        let mut capital = kind.chars();
        let initial = capital.next().map(|first| first.to_ascii_uppercase());
        let suffix: String = initial.into_iter().chain(capital).collect();
        let Some(base) = element.strip_suffix(suffix.as_str()) else { return Ok(None) };
        let string = self.types.find("string").unwrap_or_default();
        let elements = self.types.elements(owner).into_iter();
        let found = elements
            .filter(|(_, of)| *of == string)
            .find(|(name, _)| name.strip_suffix("String") == Some(base));
        let Some((name, of)) = found else { return Ok(None) };
        let leaf = self.leaf(owner, name, of, inherited)?;
        Ok((leaf.part == Part::Choice(name)).then_some((name, leaf.rule)))
    }

    fn meaning(&mut self, key: Key) -> Result<Meaning, HealthError> {
        let unnamed =
            Leaf { rule: RuleId::UNNAMED, placement: Placement::Inline, part: Part::Nothing };
        let (leaf, role) = match key.place {
            Place::Resource { contained } => (unnamed, self.resources(contained, key.inherited)),
            Place::Type(id) => match self.types.name(id) {
                "Extension" => (unnamed, self.extension(id, key.inherited)),
                "Bundle.entry" => (unnamed, Role::Entry),
                "Meta" => (unnamed, Role::Meta),
                _ => (unnamed, Role::Value),
            },
            Place::Foreign | Place::Unknown => (unnamed, Role::Value),
            Place::Sibling(leaf) => (leaf, Role::Sibling),
            Place::Leaf(leaf) => (
                leaf,
                match leaf.part {
                    Part::Nothing => Role::Value,
                    Part::Number => Role::Number,
                    Part::Collection => Role::Collection,
                    Part::Id => Role::Id,
                    Part::Reference => Role::Reference,
                    Part::Renamed(name) => Role::Renamed(name),
                    Part::Choice(name) => Role::Choice(name),
                },
            ),
        };
        let Leaf { rule, placement, .. } = leaf;
        let whole = matches!(key.place, Place::Leaf(_)) && placement == Placement::Masked;
        Ok(Meaning {
            typed: Some(Box::new(Typed { rule, placement, role, whole })),
            ..Meaning::default()
        })
    }

    fn resources(&mut self, contained: bool, inherited: Rank) -> Role {
        let ids: Vec<TypeId> = self.types.resources().collect();
        let by_name = ids.into_iter().map(|id| {
            let ranks = [inherited, self.type_rank(id)];
            let state = self.state(Key { place: Place::Type(id), inherited: first(ranks) });
            (self.types.name(id), (state, self.types.extends(id, "DomainResource")))
        });
        let by_name = by_name.collect();
        let foreign = self.state(Key { place: Place::Foreign, inherited: None });
        Role::Resource(Resources { contained, by_name, foreign })
    }

    fn extension(&mut self, id: TypeId, inherited: Rank) -> Role {
        let urls = self.by_url.clone();
        let by_url = urls.into_iter().map(|(url, rule)| {
            let key = Key { place: Place::Type(id), inherited: first([inherited, Some(rule)]) };
            (url.into(), self.state(key))
        });
        Role::Extension(by_url.collect())
    }
}

const NUMBERS: [&str; 5] = ["boolean", "integer", "decimal", "positiveInt", "unsignedInt"];
const COLLECTION: Place =
    Place::Leaf(Leaf { rule: RuleId::UNNAMED, placement: Placement::Keep, part: Part::Collection });

fn first<const N: usize>(ranks: [Rank; N]) -> Rank {
    ranks.into_iter().flatten().min()
}

/// The placement that keeps an element of this type valid.
fn by_type(kind: &str) -> Placement {
    match kind {
        "string" | "markdown" | "uri" | "url" | "canonical" => Placement::Inline,
        "xhtml" => Placement::Narrative,
        "base64Binary" => Placement::Attachment,
        _ => Placement::Masked,
    }
}

fn conflict((owner, element): (&str, &str), reason: &str) -> HealthError {
    HealthError::profile(ProfileFault::Conflict, format!("`{owner}.{element}` {reason}"))
}
