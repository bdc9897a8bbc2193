//! Files: arrays, pictures, and writing files atomically.

mod array;
mod base64;
mod encode;
mod hdf5;
mod mark;
mod npy;
mod sha256;
mod unfinished;
mod write;

pub use array::{
    ARRAY_EXTENSIONS, ArrayFile, file_of, is_array_file, npz_names, pack_npz, read_array,
    read_array_shape,
};
pub use base64::base64;
pub use encode::{PictureFormat, generator_mark, write_picture};
pub use hdf5::{Dataset, Element, Hdf5};
pub use mark::{TOOL, is_own};
pub use npy::{Precision, read_npy, read_npy_layout, read_npy_shape, write_npy, write_npy_as};
pub use sha256::sha256;
pub use unfinished::UNFINISHED;
pub use write::{Overwrite, check, png_bytes, write_bytes, write_png};
