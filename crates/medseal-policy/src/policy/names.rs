//! Names that a rule selects: every one, exact ones, or all that begin alike.

/// Which names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Names {
    /// Every name, and also what has none.
    Every,
    /// Those that one of these matches, ascending.
    Some(Vec<Pattern>),
}

/// `patient`, or `lab.*` for all that begin with `lab.`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Pattern {
    Exact(String),
    Prefix(String),
}

impl Pattern {
    /// A star stands at the end or nowhere.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text.split_once('*') {
            None if !text.is_empty() => Some(Pattern::Exact(text.to_owned())),
            Some((prefix, "")) if !prefix.is_empty() => Some(Pattern::Prefix(prefix.to_owned())),
            _ => None,
        }
    }

    fn matches(&self, name: &str) -> bool {
        match self {
            Pattern::Exact(exact) => exact == name,
            Pattern::Prefix(prefix) => name.starts_with(prefix.as_str()),
        }
    }

    /// Whether it matches whatever `other` matches.
    fn covers(&self, other: &Pattern) -> bool {
        match (self, other) {
            (_, Pattern::Exact(name)) => self.matches(name),
            (Pattern::Prefix(prefix), Pattern::Prefix(longer)) => longer.starts_with(prefix),
            (Pattern::Exact(_), Pattern::Prefix(_)) => false,
        }
    }
}

impl Names {
    pub(crate) fn matches(&self, name: Option<&str>) -> bool {
        match (self, name) {
            (Names::Every, _) => true,
            (Names::Some(_), None) => false,
            (Names::Some(patterns), Some(name)) => patterns.iter().any(|p| p.matches(name)),
        }
    }

    /// Whether these match whatever `other` match.
    pub(crate) fn cover(&self, other: &Names) -> bool {
        match (self, other) {
            (Names::Every, _) => true,
            (Names::Some(_), Names::Every) => false,
            (Names::Some(ours), Names::Some(others)) => {
                others.iter().all(|other| ours.iter().any(|our| our.covers(other)))
            }
        }
    }

    pub(crate) fn is_every(&self) -> bool {
        *self == Names::Every
    }
}
