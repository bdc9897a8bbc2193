//! From a picture file to the network's input: model cards, labels, decoding, resizing, normalising.
//!
//! Knows nothing of networks: an input is an [`InputShape`] here.

mod card;
mod card_files;
mod clues;
mod content;
mod decode;
mod doubts;
mod huggingface;
mod jpeg;
mod label_files;
mod labels;
mod limits;
mod notation;
mod prepare;
mod preprocess;
mod resample;
mod tiff;
mod timm;

pub use card::{Card, Output};
pub use clues::{Clues, Scaling};
pub use content::{Content, OtherFormat, content_of};
pub use decode::{PictureFile, decode, decode_picture, read_picture};
pub use labels::Labels;
pub use notation::{parse_numbers, parse_size};
pub use prepare::{Prepared, Preprocessor, Window};
pub use preprocess::{
    Channels, Crop, Filter, InputShape, Layout, Overrides, PRESETS, Preprocessing, Resize, Target,
};
