//! Ctrl-C and SIGTERM: before the work begins the process just ends; during a batch the running files are finished first.

use std::sync::atomic::{AtomicBool, Ordering};

use super::Status;

static IS_WORKING: AtomicBool = AtomicBool::new(false);
static IS_INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// The exit code that shells give to a command that Ctrl-C ended; the same for the other signals.
const EXIT_CODE: i32 = 130;

/// Takes over Ctrl-C, SIGTERM and SIGHUP.
pub fn install() {
    // Without the handler Ctrl-C still ends the process, only less tidily.
    let _ = ctrlc::set_handler(|| {
        let is_second = IS_INTERRUPTED.swap(true, Ordering::SeqCst);
        if is_second || !IS_WORKING.load(Ordering::SeqCst) {
            std::process::exit(EXIT_CODE);
        }
    });
}

/// From here on files are written, so that Ctrl-C must wait for them; a second Ctrl-C does not.
pub fn work_begins() {
    IS_WORKING.store(true, Ordering::SeqCst);
}

/// Whether Ctrl-C was pressed.
pub fn is_interrupted() -> bool {
    IS_INTERRUPTED.load(Ordering::SeqCst)
}

/// The status of a batch, or that it was interrupted.
pub fn or_interrupted(status: Status) -> Status {
    match is_interrupted() {
        true => Status::Interrupted,
        false => status,
    }
}
