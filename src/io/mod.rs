//! Files: NumPy arrays, pictures, and writing files atomically.

mod base64;
mod encode;
mod mark;
mod npy;
mod write;

pub use base64::base64;
pub use encode::{PictureFormat, generator_mark, png_bytes, write_picture};
pub use mark::{TOOL, is_own};
pub use npy::{read_npy, read_npy_shape, write_npy};
pub use write::{Overwrite, check, write_bytes, write_png};
