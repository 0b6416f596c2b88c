//! The path of the item that is being read, built only when somebody asks.
//!
//! The buffer keeps the paths of the containers around it, so that the next item of the same
//! container costs its own key only. In the buffer every key has a dot before it, also the first.

use super::frame::{Container, Frame};
use super::walk::Walk;
use crate::path::{push_escaped_key, push_key};

impl Walk<'_> {
    /// Brings the present item's path into the buffer; gives the offset at which its record's own
    /// path ends. `is_root`: the item is itself a record.
    pub(super) fn build_path(&mut self, is_root: bool) -> usize {
        let level = self.buffers.stack.len();
        while self.path_levels <= level {
            self.extend_path(self.path_levels);
        }
        self.buffers.path.truncate(self.frame.path_end as usize);
        push_item(&mut self.buffers.path, &self.frame, self.text);
        if is_root {
            return self.buffers.path.len();
        }
        let root_level = self.frame.root_level as usize;
        let root = self.buffers.stack.get(root_level).unwrap_or(&self.frame);
        root.path_end as usize
    }

    /// Notes where the path of the container on this level ends.
    fn extend_path(&mut self, level: usize) {
        let path = &mut self.buffers.path;
        match level.checked_sub(1).and_then(|outer| self.buffers.stack.get(outer)) {
            Some(outer) => {
                path.truncate(outer.path_end as usize);
                push_item(path, outer, self.text);
            }
            None => path.clear(),
        }
        let end = path.len() as u32;
        self.buffers.stack.get_mut(level).unwrap_or(&mut self.frame).path_end = end;
        self.path_levels = level + 1;
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
