//! The path of the item that is being read, and its field: found by its steps, written only when
//! a step is new. In the buffer every key has a dot before it, also the first.

use super::frame::{Container, Frame};
use super::steps::{RECORD, Step};
use super::walk::Walk;
use crate::error::DocumentFault as Fault;
use crate::fields::FieldId;
use crate::json::Flaw;
use crate::path::{self, MAX_PATH_BYTES, push_escaped_key, push_key};

impl Walk<'_> {
    /// The field of the present item, which starts at `at`. `is_root`: it is itself a record.
    pub(super) fn field(&mut self, is_root: bool, at: usize) -> Result<FieldId, Flaw> {
        let state = self.frame.child;
        if let Some(field) = self.field_of_state[state as usize] {
            return Ok(field);
        }
        let known = if is_root { None } else { self.step_here().field };
        let field = match known {
            Some(field) => field,
            None => self.new_field(is_root, at)?,
        };
        if self.automaton.has_one_path(state) {
            self.field_of_state[state as usize] = Some(field);
        }
        Ok(field)
    }

    #[inline(never)]
    fn new_field(&mut self, is_root: bool, at: usize) -> Result<FieldId, Flaw> {
        self.write_path(is_root);
        let path = path::relative(&self.buffers.path);
        if path.len() > MAX_PATH_BYTES {
            return Err(Flaw::new(Fault::PathTooLong, at));
        }
        let field = self.fields.intern(path).ok_or(Flaw::new(Fault::TooManyFields, at))?;
        if !is_root {
            self.step_here().field = Some(field);
        }
        Ok(field)
    }

    /// The step to the present item.
    fn step_here(&mut self) -> &mut Step {
        let level = self.buffers.stack.len();
        while self.placed_levels <= level {
            self.place(self.placed_levels);
        }
        step_from(&mut *self.steps, &self.frame, self.text)
    }

    /// Finds the number of the container on this level, from that of the one around it.
    fn place(&mut self, level: usize) {
        let stack = &mut self.buffers.stack;
        let is_root = stack.get(level).unwrap_or(&self.frame).is_root;
        let outer = level.checked_sub(1).and_then(|outer| stack.get(outer)).filter(|_| !is_root);
        let number = match outer {
            Some(outer) => step_from(&mut *self.steps, outer, self.text).number,
            None => RECORD,
        };
        stack.get_mut(level).unwrap_or(&mut self.frame).place = number;
        self.placed_levels = level + 1;
    }

    /// Writes the present item's path from its record on into the buffer.
    pub(super) fn write_path(&mut self, is_root: bool) {
        let Self { buffers, frame, text, .. } = self;
        buffers.path.clear();
        if is_root {
            return;
        }
        let from = (frame.root_level as usize).min(buffers.stack.len());
        for frame in buffers.stack.get(from..).unwrap_or_default().iter().chain([&*frame]) {
            push_item(&mut buffers.path, frame, text);
        }
    }
}

fn step_from<'s>(steps: &'s mut super::steps::Steps, frame: &Frame, text: &str) -> &'s mut Step {
    match frame.container {
        Container::Object => {
            steps.take(frame.place, Container::Object, frame.key.raw(text), frame.key_hash)
        }
        container => steps.take(frame.place, container, "", 0),
    }
}

fn push_item(path: &mut String, frame: &Frame, text: &str) {
    match frame.container {
        Container::Document => {}
        Container::Array => path.push_str("[*]"),
        Container::Object if frame.key.is_escaped() => push_escaped_key(path, frame.key.raw(text)),
        Container::Object => push_key(path, frame.key.raw(text)),
    }
}
