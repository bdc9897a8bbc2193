//! Room for numbers on their way through the caches, which a thread uses again and again.

use std::cell::Cell;
use std::ops::{Deref, DerefMut};
use std::thread::LocalKey;

/// Numbers in a line of the cache.
const LINE: usize = 16;

/// What a thread keeps between uses.
pub type Room = LocalKey<Cell<Lines>>;

/// Room for `len` numbers, whatever they are; goes back to the thread when it is dropped.
pub fn take(room: &'static Room, len: usize) -> Taken {
    // Taken, not borrowed: a thread that waits for others may meanwhile need the room for something else.
    let mut lines = room.take();
    if lines.len < len {
        // What was there is not worth a copy.
        lines = Lines::unwritten(len);
    }
    Taken { room, lines, len }
}

/// Room that was taken.
pub struct Taken {
    room: &'static Room,
    lines: Lines,
    len: usize,
}

impl Deref for Taken {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.lines.as_slice()[..self.len]
    }
}

impl DerefMut for Taken {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.lines.as_mut_slice()[..self.len]
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.room.set(std::mem::take(&mut self.lines));
    }
}

/// Numbers that were there already, or were made for the moment.
pub enum Lent<'a> {
    Kept(&'a [f32]),
    Made(Taken),
}

impl Deref for Lent<'_> {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        match self {
            Lent::Kept(numbers) => numbers,
            Lent::Made(numbers) => numbers,
        }
    }
}

/// Numbers that begin at a line of the cache, so that no vector lies across two of them.
#[derive(Default)]
pub struct Lines {
    numbers: Box<[f32]>,
    start: usize,
    len: usize,
}

impl Lines {
    /// Numbers that are still to be written, every one of them, before any is read.
    ///
    /// Zeros would be written by the thread that asks, and the kernel would hand out all pages to it while others wait:
    /// 4 % of the processor's time for one picture of a ResNet-50.
    #[allow(unsafe_code)]
    pub fn unwritten(len: usize) -> Lines {
        let numbers = Box::new_uninit_slice(len + LINE - 1);
        // SAFETY: any bits are a number; callers write all of them before they read one.
        let mut numbers: Box<[f32]> = unsafe { numbers.assume_init() };
        if cfg!(debug_assertions) {
            // Whoever reads what nobody wrote shall find out in tests.
            numbers.fill(f32::NAN);
        }
        let start = first_line(&numbers);
        Lines { numbers, start, len }
    }

    pub fn as_slice(&self) -> &[f32] {
        &self.numbers[self.start..][..self.len]
    }

    pub fn as_mut_slice(&mut self) -> &mut [f32] {
        &mut self.numbers[self.start..][..self.len]
    }
}

/// Numbers before the first line that begins among them.
fn first_line(numbers: &[f32]) -> usize {
    numbers.as_ptr().align_offset(LINE * size_of::<f32>()).min(LINE - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    thread_local! {
        static ROOM: Cell<Lines> = Cell::default();
    }

    #[test]
    fn room_begins_at_a_line_and_is_used_again() {
        let filled = |len| {
            let mut numbers = take(&ROOM, len);
            assert_eq!((numbers.len(), numbers.as_ptr().align_offset(64)), (len, 0));
            numbers.fill(7.0);
            // A second user on the same thread gets room of its own.
            take(&ROOM, 3).fill(1.0);
            assert!(numbers.iter().all(|number| *number == 7.0));
            numbers.as_ptr()
        };
        filled(100);
        let again = filled(200);
        assert_eq!(filled(200), again);
    }
}
