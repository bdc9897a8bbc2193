//! Addresses of files beside a page.

use std::path::Path;

/// A path below the page's folder as an address.
pub fn address(path: &Path) -> String {
    let segments: Vec<String> =
        path.iter().map(|part| percent_encoded(&part.to_string_lossy())).collect();
    segments.join("/")
}

/// RFC 3986: everything but unreserved characters.
fn percent_encoded(text: &str) -> String {
    let encode = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            char::from(byte).to_string()
        }
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(encode).collect()
}
