//! The fonts: those that are embedded, and those of the system where a character is in none of them.

use std::sync::{Arc, OnceLock};

use fontdb::{Database, ID};
use rustybuzz::Face;

/// What the Latin text is set in.
pub const FAMILY: &str = "Noto Sans";

/// The Latin fonts, which an SVG carries.
pub const REGULAR: &[u8] = include_bytes!("../../fonts/NotoSans-Regular.ttf");
pub const BOLD: &[u8] = include_bytes!("../../fonts/NotoSans-Bold.ttf");

/// The embedded fonts, in the order in which they are asked for a character.
const EMBEDDED: [&[u8]; 13] = [
    REGULAR,
    BOLD,
    include_bytes!("../../fonts/NotoSans-GreekCyrillic.ttf"),
    include_bytes!("../../fonts/NotoSansArabic-Regular.ttf"),
    include_bytes!("../../fonts/NotoSansHebrew-Regular.ttf"),
    include_bytes!("../../fonts/NotoSansDevanagari-Regular.ttf"),
    include_bytes!("../../fonts/NotoSansBengali-Regular.ttf"),
    include_bytes!("../../fonts/NotoSansTamil-Regular.ttf"),
    include_bytes!("../../fonts/NotoSansThai-Regular.ttf"),
    include_bytes!("../../fonts/NotoSansGeorgian-Regular.ttf"),
    include_bytes!("../../fonts/NotoSansArmenian-Regular.ttf"),
    include_bytes!("../../fonts/DroidSansFallback.ttf"),
    include_bytes!("../../fonts/NotoEmoji-Regular.ttf"),
];

/// The place of the bold font.
pub const BOLD_FONT: usize = 1;

/// The files of fonts, in the order in which they are asked for a character.
pub struct Fonts {
    files: Vec<FontFile>,
}

/// A file, and the place of the font in it.
#[derive(Clone)]
pub struct FontFile {
    data: Data,
    index: u32,
}

#[derive(Clone)]
enum Data {
    Embedded(&'static [u8]),
    System(Arc<[u8]>),
}

impl FontFile {
    /// The bytes.
    pub fn data(&self) -> &[u8] {
        match &self.data {
            Data::Embedded(bytes) => bytes,
            Data::System(bytes) => bytes,
        }
    }

    /// Which font of the file it is.
    pub fn index(&self) -> u32 {
        self.index
    }

    /// The font, read; `None` where it is damaged.
    pub fn face(&self) -> Option<Face<'_>> {
        Face::from_slice(self.data(), self.index)
    }
}

impl Fonts {
    /// The embedded fonts; and of the system those that have what is in none of them.
    pub fn for_text(text: &str) -> Fonts {
        let embedded = EMBEDDED.map(|font| FontFile { data: Data::Embedded(font), index: 0 });
        let mut fonts = Fonts { files: embedded.to_vec() };
        let is_latin = |it: &char| *it < '\u{250}';
        let others: Vec<char> =
            text.chars().filter(|it| !is_latin(it) && !is_invisible(*it)).collect();
        let missing = |fonts: &Fonts| {
            let faces: Vec<Face> = fonts.files.iter().filter_map(FontFile::face).collect();
            let is_known = |it: &char| faces.iter().any(|face| can_draw(face, *it));
            others.iter().copied().filter(|it| !is_known(it)).collect::<Vec<char>>()
        };
        // Every font that is added has one of them at least.
        let mut left = missing(&fonts);
        while let Some(found) = left.iter().find_map(|it| of_system(*it)) {
            fonts.files.push(found);
            let before = left.len();
            left = missing(&fonts);
            if left.len() == before {
                break;
            }
        }
        fonts
    }

    /// The files.
    pub fn files(&self) -> &[FontFile] {
        &self.files
    }
}

/// Whether a font has the outline of a character: some have nothing but pictures.
pub fn can_draw(face: &Face, character: char) -> bool {
    let glyph = face.glyph_index(character);
    glyph.is_some_and(|glyph| character.is_whitespace() || face.glyph_bounding_box(glyph).is_some())
}

/// The first font of the system that has a character.
fn of_system(character: char) -> Option<FontFile> {
    static SYSTEM: OnceLock<Database> = OnceLock::new();
    let system = SYSTEM.get_or_init(|| {
        let mut database = Database::new();
        database.load_system_fonts();
        database
    });
    let has = |id: ID| {
        let drawn = system.with_face_data(id, |data, index| {
            Face::from_slice(data, index).is_some_and(|face| can_draw(&face, character))
        });
        drawn == Some(true)
    };
    let id = system.faces().map(|face| face.id).find(|id| has(*id))?;
    system.with_face_data(id, |data, index| FontFile { data: Data::System(data.into()), index })
}

/// Whether a character has no shape of its own: joiners, marks of direction, variation selectors.
pub fn is_invisible(character: char) -> bool {
    matches!(character, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
        || matches!(character, '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ad}' | '\u{e0100}'..='\u{e01ef}')
}
