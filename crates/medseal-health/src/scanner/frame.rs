//! One open object or array.

use super::steps::RECORD;
use crate::automaton::{Automaton, State};
use crate::json::Key;
use crate::json::keys::Mark;
use crate::profile::{Placement, RuleId};

/// "None" for an index or offset; documents are shorter than this.
pub(super) const NONE: u32 = u32::MAX;

/// What is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Container {
    /// Nothing: the document's own value comes here.
    Document,
    Object,
    Array,
}

/// What the scanner knows about a container and the item in it that is being read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    pub(super) container: Container,
    /// Of the container's own value.
    pub(super) state: State,
    /// Of the item's value.
    pub(super) child: State,
    /// The record to which the items belong; none below a record root inside a selected value,
    /// whose identity concerns nobody.
    pub(super) root: u32,
    /// The level on the stack of the container that is that record.
    pub(super) root_level: u32,
    /// The container is that record itself.
    pub(super) is_root: bool,
    /// The rule that selected the container or one around it, and what happens to that.
    pub(super) selected: Option<(RuleId, Placement)>,
    /// The span that the container is.
    pub(super) span: u32,
    /// The item's key.
    pub(super) key: Key,
    /// Some bits of its hash.
    pub(super) key_hash: u32,
    /// The container's keys.
    pub(super) keys: Mark,
    /// The number of the step to the container; meaningful only once it was asked for.
    pub(super) place: u64,
    pub(super) items: Items,
    /// Of an entry of a Bundle: start and end of its `fullUrl`.
    pub(super) full_url: (u32, u32),
    /// The first of the container's members that may be one of two.
    pub(super) pairs: u32,
    /// The member of the outer container that this container is, if it may be one of two.
    pub(super) pair: u32,
}

/// Where the commas are, for spans that are removed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Items {
    /// Start of the item that is being read.
    pub(super) start: u32,
    /// The comma before it.
    pub(super) comma: u32,
    /// Items begun, the present one included.
    pub(super) begun: u32,
    /// Items removed.
    pub(super) removed: u32,
    /// A removed item whose removal reaches to the start of the next item.
    pub(super) open_removal: u32,
}

impl Items {
    const fn new() -> Self {
        Self { start: NONE, comma: NONE, begun: 0, removed: 0, open_removal: NONE }
    }

    /// Whether an item before the present one stays.
    pub(super) fn stays_before(&self) -> bool {
        self.begun > self.removed + 1
    }
}

impl Frame {
    /// The frame around a document.
    pub(super) fn document() -> Self {
        Self {
            container: Container::Document,
            state: Automaton::START,
            child: Automaton::START,
            root: NONE,
            root_level: 0,
            is_root: false,
            selected: None,
            span: NONE,
            key: Key::default(),
            key_hash: 0,
            keys: Mark::default(),
            place: RECORD,
            items: Items::new(),
            full_url: (NONE, NONE),
            pairs: 0,
            pair: NONE,
        }
    }

    /// Becomes the frame of a container that opens as the present item of this one.
    #[inline(always)]
    pub(super) fn enter(&mut self, container: Container, keys: Mark) {
        self.container = container;
        self.state = self.child;
        self.span = NONE;
        self.is_root = false;
        self.keys = keys;
        self.items = Items::new();
        self.full_url = (NONE, NONE);
        self.pair = NONE;
    }
}
