//! The truth about inputs: where objects are, and which class a picture shows.

mod boxes;
mod classes;
mod coco;
mod frame;
mod labelled_box;
mod masks;
mod table;

pub use boxes::Boxes;
pub use classes::Classes;
pub use frame::Frame;
pub(crate) use masks::{mask, segments, with_suffix};
