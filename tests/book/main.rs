//! The book in `docs`: links lead somewhere, generated pages are those of this version, and what a page tells a reader to
//! type works.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod blocks;
mod generated;
mod kitchen;
mod links;
mod pages;
mod reports;
mod schema;

use std::path::{Path, PathBuf};

/// The repository.
fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_path_buf()
}

/// The folder of the book.
fn docs() -> PathBuf {
    repository().join("docs")
}
