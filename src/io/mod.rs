//! Files: arrays, pictures, and writing files atomically.

mod array;
mod base64;
mod encode;
mod mark;
mod npy;
mod write;

pub use array::{
    ARRAY_EXTENSIONS, ArrayFile, file_of, is_array_file, read_array, read_array_shape,
};
pub use base64::base64;
pub use encode::{PictureFormat, generator_mark, png_bytes, write_picture};
pub use mark::{TOOL, is_own};
pub use npy::{read_npy, read_npy_shape, write_npy};
pub use write::{Overwrite, check, write_bytes, write_png};
