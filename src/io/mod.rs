//! Files: NumPy arrays, pictures, and writing files atomically.

mod npy;
mod write;

pub use npy::{read_npy, read_npy_shape, write_npy};
pub use write::{Overwrite, write_bytes, write_png};
