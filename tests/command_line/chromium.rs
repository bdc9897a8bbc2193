//! Pages in Chromium.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use super::{folder, skip_without};

/// On a busy machine Chromium may print the page before its script has ended.
const ATTEMPTS: usize = 3;

/// What the script in a page returns, run by Chromium after the page has come up; `None` without Chromium.
pub fn in_chromium(page: &Path, script: &str) -> Option<Value> {
    let Some(chromium) = chromium() else {
        skip_without("Chromium", "chromium");
        return None;
    };
    let copy = page.with_file_name("test.html");
    let script = format!(
        "<script>addEventListener('load', async () => {{\n\
         const report = (value) => {{ const made = document.createElement('pre'); made.id = 'outcome';\n\
         made.textContent = JSON.stringify(value); document.body.append(made); }};\n\
         try {{ report(await (async () => {{ {script} }})()); }} catch (error) {{ report(String(error)); }}\n\
         }});</script></body>"
    );
    let text = fs::read_to_string(page).unwrap();
    fs::write(&copy, text.replace("</body>", &script)).unwrap();
    let mut shown = String::new();
    for _ in 0..ATTEMPTS {
        shown = dom(&chromium, &copy);
        let outcome = shown.split_once("<pre id=\"outcome\">");
        if let Some((outcome, _)) = outcome.and_then(|(_, rest)| rest.split_once("</pre>")) {
            let outcome = outcome.replace("&gt;", ">").replace("&amp;", "&");
            return Some(serde_json::from_str(&outcome).unwrap());
        }
    }
    panic!("the script did not end:\n{shown}");
}

/// The page as it is after the scripts.
fn dom(chromium: &Path, page: &Path) -> String {
    let profile = folder();
    let output = Command::new(chromium)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"])
        .args(["--window-size=1200,1000", "--virtual-time-budget=20000", "--dump-dom"])
        // A page in a frame can be looked into.
        .arg("--allow-file-access-from-files")
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("file://{}", page.display()))
        .stderr(Stdio::null())
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// Of the page of a folder in a window of 360 pixels: whether it keeps to them, how far it is wider, and how many elements
/// the selector finds; `None` without Chromium.
#[allow(dead_code)]
pub fn on_a_phone(folder: &Path, selector: &str) -> Option<Value> {
    // A headless window is no narrower than 500 pixels; a frame is.
    let frame = "<!DOCTYPE html><body><iframe src='index.html' style='border:0;width:360px;height:2000px'></iframe></body>";
    let frame_file = folder.join("frame.html");
    fs::write(&frame_file, frame).unwrap();
    let script = format!(
        "const page = document.querySelector('iframe').contentDocument.documentElement;
        return [page.offsetWidth <= 360, page.scrollWidth - page.clientWidth, page.querySelectorAll('{selector}').length];"
    );
    in_chromium(&frame_file, &script)
}

/// The program, where there is one.
pub fn chromium() -> Option<PathBuf> {
    let folders: Vec<PathBuf> = std::env::split_paths(&std::env::var_os("PATH")?).collect();
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let candidates = names.iter().flat_map(|name| folders.iter().map(move |dir| dir.join(name)));
    candidates.into_iter().find(|path| path.is_file())
}
