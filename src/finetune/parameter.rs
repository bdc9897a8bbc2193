//! What a file stores: its parameters, and their places among the numbers of all.

use super::slot_map::NONE;

/// A stored parameter.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// Its name in the file.
    pub name: String,
    /// Its shape there.
    pub shape: Vec<usize>,
    /// Where its numbers begin among those of all parameters.
    pub offset: usize,
    /// Why it cannot be trained; `None` where it can.
    pub frozen: Option<String>,
}

impl Parameter {
    /// The number of its elements.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The places of its numbers among those of all parameters.
    pub fn places(&self) -> std::ops::Range<usize> {
        self.offset..self.offset + self.len()
    }
}

/// Which parameter is at a place among the numbers of all; `None` at [`NONE`].
pub(super) fn parameter_at(parameters: &[Parameter], place: u32) -> Option<usize> {
    let behind = parameters.partition_point(|it| it.offset <= place as usize);
    behind.checked_sub(1).filter(|_| place != NONE)
}

/// Whether the parameter at a place can be trained.
pub(super) fn is_trained(parameters: &[Parameter], place: u32) -> bool {
    parameter_at(parameters, place).is_some_and(|at| parameters[at].frozen.is_none())
}
