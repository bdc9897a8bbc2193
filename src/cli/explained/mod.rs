//! What `explain` wrote into a folder, read again: reports, and the files they name.

mod files;
mod maps;
mod rows;

pub use self::files::{Above, reports};
pub use self::maps::{Maps, read_maps};
pub use self::rows::{Explained, Row, Way, read_rows};
