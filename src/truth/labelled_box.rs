//! A box around an object of a picture.

/// A box around an object of a picture.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct LabelledBox {
    /// What it is; empty where that is not said.
    pub label: String,
    /// `[x0, y0, x1, y1]` in pixels of the picture, from the upper left.
    pub edges: [f64; 4],
}
