//! Addresses of files beside a page.

use std::path::{Component, Path, PathBuf};

/// A path below the page's folder as an address.
pub fn address(path: &Path) -> String {
    let segments: Vec<String> =
        path.iter().map(|part| percent_encoded(&part.to_string_lossy())).collect();
    segments.join("/")
}

/// The address of a file as the page in a folder reaches it; `None` where one of them does not exist.
pub fn address_from(folder: &Path, file: &Path) -> Option<String> {
    let [folder, file] = [folder, file].map(|path| path.canonicalize().ok());
    let (folder, file) = (folder?, file?);
    let common = folder.iter().zip(file.iter()).take_while(|(a, b)| a == b).count();
    let up = folder.iter().skip(common).map(|_| Component::ParentDir.as_os_str());
    let path: PathBuf = up.chain(file.iter().skip(common)).collect();
    Some(address(&path))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn photos_are_reached_from_the_page() {
        let folder = tempfile::tempdir().unwrap();
        let (out, photos) = (folder.path().join("out"), folder.path().join("a photo"));
        for path in [&out, &photos] {
            std::fs::create_dir(path).unwrap();
        }
        std::fs::write(photos.join("1.png"), "").unwrap();
        let address = address_from(&out, &photos.join("1.png"));
        assert_eq!(address.as_deref(), Some("../a%20photo/1.png"));
        assert_eq!(address_from(&out, &photos.join("2.png")), None);
    }
}
