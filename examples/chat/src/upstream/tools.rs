//! Calls of tools, told apart.

use super::Failure;

/// In one answer.
pub const MAX_CALLS: usize = 32;

/// Services number calls as they like, such as by their place among all blocks. Here they
/// are numbered from 0, in the order in which they come, so that a reader may keep them in
/// an array.
#[derive(Debug, Default)]
pub(super) struct Calls(Vec<u64>);

impl Calls {
    pub(super) fn number(&self, index: u64) -> Option<usize> {
        self.0.iter().position(|&known| known == index)
    }

    pub(super) fn begin(&mut self, index: u64) -> Result<usize, Failure> {
        if self.0.len() == MAX_CALLS {
            return Err(Failure::invalid("the service calls too many tools"));
        }
        self.0.push(index);
        Ok(self.0.len() - 1)
    }
}
