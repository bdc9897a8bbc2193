//! The model and what surrounds it: the ONNX file, its card, labels, and the way from a picture to its input.
//!
//! Stands at the start of the data's way: **load** -> canonize -> assign -> compile -> propagate -> render -> write.

mod batch_normalization;
mod bytes;
mod card;
mod decode;
mod huggingface;
mod labels;
mod load;
mod notation;
mod number_type;
mod picture;
mod prepare;
mod preprocess;
mod repair;
mod resample;
mod stored;
mod timm;
mod upsample;
mod weights;

pub use card::{Card, Output};
pub use labels::Labels;
pub use load::{DEFAULT_SIZE, LoadOptions, Model, ModelInput};
pub use notation::{parse_numbers, parse_size};
pub use picture::decode;
pub use prepare::{Prepared, Preprocessor, Window};
pub use preprocess::{
    Channels, Crop, Filter, InputShape, Layout, Overrides, PRESETS, Preprocessing, Resize, Target,
};
pub use stored::StoredModel;
