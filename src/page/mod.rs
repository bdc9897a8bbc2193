//! Pages of one file that need no network: what is around a page's own text, its style, its script and its data.

use serde::Serialize;

/// The style of text, headings and sections, which comes first.
pub const FRAME_STYLE: &str = include_str!("frame.css");

/// The style that the pages of measurements share, the frame's before it.
pub const BASE_STYLE: &str = concat!(include_str!("frame.css"), include_str!("base.css"));

/// The script that the pages of measurements share. It reads the data.
pub const BASE_SCRIPT: &str = include_str!("base.js");

/// A page, in parts.
#[derive(Clone, Copy, Debug)]
pub struct Page<'a> {
    /// HTML, what lies between `<body>` and `</body>`, with `{{title}}` and the names of `parts` where these belong.
    pub body: &'a str,
    /// Text.
    pub title: &'a str,
    /// HTML by its names in the body.
    pub parts: &'a [(&'a str, &'a str)],
    /// One after the other.
    pub styles: &'a [&'a str],
}

impl Page<'_> {
    /// The page as one file, without a script.
    pub fn assembled(&self) -> String {
        self.with_end("")
    }

    /// The page as one file with scripts, one after the other, which find the data as JSON in the element `data`.
    pub fn with_script(&self, scripts: &[&str], data: &impl Serialize) -> String {
        // Inside a script element nothing may look like its end.
        let data = serde_json::to_string(data).unwrap_or_default().replace('<', "\\u003c");
        let script = joined(scripts);
        self.with_end(&format!(
            "<script type=\"application/json\" id=\"data\">{data}</script>\n<script>\n{script}\n</script>\n"
        ))
    }

    fn with_end(&self, end: &str) -> String {
        let title = escaped(self.title);
        let parts: Vec<(&str, &str)> =
            self.parts.iter().copied().chain([("title", title.as_str())]).collect();
        let (version, style) = (env!("CARGO_PKG_VERSION"), joined(self.styles));
        let body = filled(self.body, &parts);
        format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"generator\" content=\"onnxplain {version}\">\n<title>{title}</title>\n\
             <style>\n{style}\n</style>\n</head>\n<body>\n{body}{end}</body>\n</html>\n"
        )
    }
}

fn joined(texts: &[&str]) -> String {
    texts.iter().map(|text| text.trim_end()).collect::<Vec<_>>().join("\n")
}

/// A text with `{{name}}` replaced, in one go: what is put in is not looked at again. Names that are not known stay.
fn filled(template: &str, parts: &[(&str, &str)]) -> String {
    let mut text = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, behind)) = rest.split_once("{{") {
        text.push_str(before);
        let named = behind.split_once("}}");
        let part = named.and_then(|(name, after)| {
            let (_, part) = parts.iter().find(|(known, _)| *known == name)?;
            Some((*part, after))
        });
        match part {
            Some((part, after)) => {
                text.push_str(part);
                rest = after;
            }
            None => {
                text.push_str("{{");
                rest = behind;
            }
        }
    }
    text + rest
}

/// The name of a file without its folders.
pub(crate) fn file_name_of(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}

/// Text as HTML and XML show it, also inside quotes.
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_in_cannot_break_the_page() {
        let page = Page {
            body: "<h1>{{title}}</h1>{{rows}}{{unknown}}\n",
            title: "a < {{rows}}",
            parts: &[("rows", "<p>{{title}}</p>")],
            styles: &["a {}\n", "b {}\n"],
        };
        let text = page.with_script(&["let a;\n", "let b;\n"], &["</script>{{rows}}"]);
        assert!(text.contains("<title>a &lt; {{rows}}</title>\n<style>\na {}\nb {}\n</style>"));
        assert!(text.contains("<h1>a &lt; {{rows}}</h1><p>{{title}}</p>{{unknown}}\n<script"));
        assert!(text.contains(r#">["\u003c/script>{{rows}}"]</script>"#));
        assert!(text.contains("<script>\nlet a;\nlet b;\n</script>\n</body>\n</html>\n"));
        assert!(!page.assembled().contains("script"));
    }
}
