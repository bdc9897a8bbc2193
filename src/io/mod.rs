//! Files: NumPy arrays, pictures, and writing files atomically.

mod mark;
mod npy;
mod write;

pub use mark::{TOOL, is_own};
pub use npy::{read_npy, read_npy_shape, write_npy};
pub use write::{Overwrite, check, write_bytes, write_png};
