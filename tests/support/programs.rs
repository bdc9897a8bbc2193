//! Programs that tests use where they are installed.

use std::io::Write as _;

/// Says that a test is skipped because a program is missing: where the test runs to be relied on (`CI=true`), it fails.
pub fn skip_without(program: &str, package: &str) {
    let text = format!("skipped: there is no {program} here (Debian: apt-get install {package})");
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{text}; with CI=true this is a failure");
    // What `eprintln!` says is shown for failing tests only.
    let mut stderr = std::io::stderr();
    writeln!(stderr, "{text}").unwrap();
}
