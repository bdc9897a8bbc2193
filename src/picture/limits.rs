//! How large a picture may be.

use anyhow::{Result, ensure};

/// The largest picture that is decoded, in millions of pixels.
pub(super) const LARGEST_MEGAPIXELS: u64 = 100;

/// What a decoder may allocate, in bytes: 100 megapixels of four 16-bit channels and room to work.
pub(super) const LARGEST_ALLOCATION: u64 = 1 << 30;

/// The largest file, in bytes: one without compression.
pub(super) const LARGEST_FILE: u64 = LARGEST_ALLOCATION;

/// Refuses pictures that are larger than the limits; `bytes` is what they take.
pub(super) fn check_size(width: u32, height: u32, bytes: u64) -> Result<()> {
    ensure!(
        u64::from(width) * u64::from(height) <= LARGEST_MEGAPIXELS * 1_000_000
            && bytes <= LARGEST_ALLOCATION,
        "it has {width}x{height} pixels that take {:.1} GiB, more than the limit of {LARGEST_MEGAPIXELS} megapixels or \
         1 GiB: shrink it first",
        bytes as f64 / f64::from(1 << 30)
    );
    Ok(())
}
