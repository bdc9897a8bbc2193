//! Pages of one file: a template with its style, its script and its data. What all pages share is in `base.css` and
//! `base.js`.

use serde::Serialize;

const BASE_STYLE: &str = include_str!("base.css");
const BASE_SCRIPT: &str = include_str!("base.js");

/// A page, in parts.
pub(crate) struct Page<'a, D> {
    /// HTML with `{{title}}`, `{{style}}`, `{{script}}`, `{{data}}` and `{{version}}` where they belong.
    pub template: &'a str,
    pub title: &'a str,
    /// Comes behind the style that all pages share.
    pub style: &'a str,
    /// Comes behind the script that all pages share, which reads the data.
    pub script: &'a str,
    pub data: &'a D,
}

impl<D: Serialize> Page<'_, D> {
    /// The page as one file.
    pub fn assembled(&self) -> String {
        let data = serde_json::to_string(self.data).unwrap_or_default();
        // Inside a script element nothing may look like its end.
        let data = data.replace('<', "\\u003c");
        let both = |base: &str, own: &str| format!("{}\n{}", base.trim_end(), own.trim_end());
        self.template
            .replace("{{style}}", &both(BASE_STYLE, self.style))
            .replace("{{script}}", &both(BASE_SCRIPT, self.script))
            .replace("{{version}}", env!("CARGO_PKG_VERSION"))
            .replace("{{title}}", &escaped(self.title))
            .replace("{{data}}", &data)
    }
}

/// The name of a file without its folders.
pub(crate) fn file_name_of(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}

/// Text as HTML shows it.
pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
