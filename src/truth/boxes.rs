//! Boxes around objects: `input,label,x0,y0,x1,y1` in pixels of the picture, or COCO's JSON. The input `*` stands for every
//! picture.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::coco;
use super::frame::{Frame, is_visible};
use super::labelled_box::LabelledBox;
use super::table::rows;
use crate::metric::{Mask, undefined};

/// The name that stands for every picture in a file of boxes.
const EVERY_PICTURE: &str = "*";

/// The boxes of many pictures.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Boxes {
    /// By the name of the picture as the file has it, without extension.
    by_name: HashMap<String, Vec<LabelledBox>>,
    /// The class of every label; none for one that the network does not know.
    classes: HashMap<String, Option<usize>>,
}

impl Boxes {
    /// Reads a `.csv` with the columns `input,label,x0,y0,x1,y1`, or a `.json` of COCO's form.
    ///
    /// # Errors
    /// Names the file and the line.
    pub fn read(path: &Path) -> Result<Boxes> {
        let is_json = path.extension().is_some_and(|end| end.eq_ignore_ascii_case("json"));
        let all = if is_json { coco::boxes(path)? } else { of_table(path)? };
        let mut boxes = Boxes::default();
        for (input, labelled) in all {
            boxes.by_name.entry(name(&input)).or_default().push(labelled);
        }
        ensure!(!boxes.by_name.is_empty(), "{} holds no boxes", path.display());
        Ok(boxes)
    }

    /// Looks up the class of every label.
    pub fn resolve(&mut self, class_of: impl Fn(&str) -> Option<usize>) {
        let labels = self.by_name.values().flatten().map(|labelled| labelled.label.clone());
        self.classes = labels.map(|label| (label.clone(), class_of(&label))).collect();
    }

    /// The labels that are no class of the network.
    pub fn unknown_labels(&self) -> Vec<&str> {
        let unknown =
            self.classes.iter().filter(|(label, class)| class.is_none() && !label.is_empty());
        let mut unknown: Vec<&str> = unknown.map(|(label, _)| label.as_str()).collect();
        unknown.sort_unstable();
        unknown
    }

    /// The boxes of a picture: by its path below the folder of inputs, or by its name alone; and those of every picture.
    fn of(&self, stem: &str) -> Vec<&LabelledBox> {
        let alone = || stem.rsplit('/').next().unwrap_or(stem);
        let found = self.by_name.get(stem).or_else(|| self.by_name.get(alone()));
        let of_all = self.by_name.get(EVERY_PICTURE);
        found.into_iter().chain(of_all).flatten().collect()
    }

    /// The boxes of a picture by their labels, in alphabetical order, those of one label together.
    ///
    /// # Errors
    /// Undefined, label by label, where an object is mostly cropped away.
    pub(crate) fn labelled(&self, stem: &str, frame: &Frame) -> Vec<(String, Result<Mask>)> {
        let mut by_label: BTreeMap<&str, Vec<&LabelledBox>> = BTreeMap::new();
        for labelled in self.of(stem) {
            by_label.entry(&labelled.label).or_default().push(labelled);
        }
        let named = by_label.into_iter();
        named.map(|(label, boxes)| (label.to_string(), seen(&boxes, frame))).collect()
    }

    /// All labels, in alphabetical order.
    pub(crate) fn labels(&self) -> Vec<String> {
        let labels = self.by_name.values().flatten().map(|labelled| labelled.label.clone());
        labels.collect::<BTreeSet<String>>().into_iter().collect()
    }

    /// Where the objects of a class are. Boxes whose label is none of the network's classes count for every class, as
    /// long as no box of the picture has a label that is one.
    ///
    /// # Errors
    /// Undefined where there is none, or it is mostly cropped away.
    pub(crate) fn object(&self, stem: &str, class: usize, frame: &Frame) -> Result<Mask> {
        let all = self.of(stem);
        if all.is_empty() {
            return undefined("there is no box for the picture");
        }
        let class_of =
            |labelled: &LabelledBox| self.classes.get(&labelled.label).copied().flatten();
        let has_classes = all.iter().any(|labelled| class_of(labelled).is_some());
        let is_wanted = |labelled: &&LabelledBox| !has_classes || class_of(labelled) == Some(class);
        let wanted: Vec<&LabelledBox> = all.into_iter().filter(is_wanted).collect();
        if wanted.is_empty() {
            return undefined("no box of the picture has the class that is explained");
        }
        seen(&wanted, frame)
    }

    /// The objects of all classes of a picture, by class.
    ///
    /// # Errors
    /// When the memory cannot be had.
    pub(crate) fn objects(&self, stem: &str, frame: &Frame) -> Result<Vec<(usize, Mask)>> {
        let all = self.of(stem);
        let class_of =
            |labelled: &LabelledBox| self.classes.get(&labelled.label).copied().flatten();
        let mut classes: Vec<usize> =
            all.iter().filter_map(|labelled| class_of(labelled)).collect();
        classes.sort_unstable();
        classes.dedup();
        let mut objects = vec![];
        for class in classes {
            let boxes: Vec<&LabelledBox> =
                all.iter().copied().filter(|labelled| class_of(labelled) == Some(class)).collect();
            // An object that is mostly cropped away is left out.
            if let Ok(mask) = seen(&boxes, frame) {
                objects.push((class, mask));
            }
        }
        Ok(objects)
    }
}

/// What the network sees of some boxes.
fn seen(boxes: &[&LabelledBox], frame: &Frame) -> Result<Mask> {
    let mut inside = vec![false; frame.network[0] * frame.network[1]];
    let mut areas = [0.0, 0.0];
    for labelled in boxes {
        let [whole, visible] = frame.areas_of_box(labelled.edges);
        areas = [areas[0] + whole, areas[1] + visible];
        let seen = frame.inside_box(labelled.edges);
        inside.iter_mut().zip(seen).for_each(|(inside, seen)| *inside |= seen);
    }
    if !is_visible(areas) {
        return undefined("less than half of the object is inside the crop");
    }
    Mask::new(inside, frame.network[0], frame.network[1])
}

/// The name of a picture without its extension.
fn name(input: &str) -> String {
    Path::new(input.trim_start_matches("./"))
        .with_extension("")
        .to_string_lossy()
        .replace('\\', "/")
}

fn of_table(path: &Path) -> Result<Vec<(String, LabelledBox)>> {
    let read = |row: &super::table::Row| {
        let edges = [row.number(2)?, row.number(3)?, row.number(4)?, row.number(5)?];
        let [x0, y0, x1, y1] = edges;
        ensure!(
            x0 < x1 && y0 < y1,
            "line {}: a box must have x0 < x1 and y0 < y1, not {x0},{y0},{x1},{y1}",
            row.line
        );
        Ok((row.text(0).to_string(), LabelledBox { label: row.text(1).to_string(), edges }))
    };
    let rows = rows(path, &["input", "label", "x0", "y0", "x1", "y1"])?;
    let boxes: Result<Vec<_>> = rows.iter().map(read).collect();
    boxes.with_context(|| format!("cannot read {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::Undefined;

    fn read(name: &str, text: &str) -> Result<Boxes> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        let mut boxes = Boxes::read(&path)?;
        boxes.resolve(|label| ["cat", "dog"].iter().position(|known| *known == label));
        Ok(boxes)
    }

    const TABLE: &str = "\
input,label,x0,y0,x1,y1
a/one.jpg,cat,0,0,2,4
a/one.jpg,dog,2,0,4,4
two.png,\"thing, any\",1,1,3,3
";

    #[test]
    fn boxes_of_the_class_are_the_object() {
        let boxes = read("boxes.csv", TABLE).unwrap();
        let frame = Frame::whole([4, 4]);
        let cat = boxes.object("a/one", 0, &frame).unwrap();
        assert!(cat.area() == 8 && cat.inside()[0] && !cat.inside()[2]);
        assert!(boxes.object("a/one", 7, &frame).unwrap_err().is::<Undefined>());
        assert!(boxes.object("three", 0, &frame).unwrap_err().is::<Undefined>());
        // A label that the network does not know stands for the object, whatever the class; and the name alone is enough.
        assert_eq!(boxes.object("x/two", 7, &frame).unwrap().area(), 4);
        assert_eq!(boxes.unknown_labels(), ["thing, any"]);
        let objects = boxes.objects("a/one", &frame).unwrap();
        assert_eq!(
            objects.iter().map(|(class, mask)| (*class, mask.area())).collect::<Vec<_>>(),
            [(0, 8), (1, 8)]
        );
    }

    #[test]
    fn boxes_of_every_picture_stand_beside_its_own() {
        let boxes = read("boxes.csv", &format!("{TABLE}*,sky,0,0,4,1\n")).unwrap();
        let frame = Frame::whole([4, 4]);
        let areas = |stem: &str| -> Vec<(String, usize)> {
            let all = boxes.labelled(stem, &frame).into_iter();
            all.map(|(label, mask)| (label, mask.unwrap().area())).collect()
        };
        let of = |name: &str, area| (name.to_string(), area);
        assert_eq!(areas("a/one"), [of("cat", 8), of("dog", 8), of("sky", 4)]);
        assert_eq!(areas("three"), [of("sky", 4)]);
        assert_eq!(boxes.labels(), ["cat", "dog", "sky", "thing, any"]);
    }

    #[test]
    fn coco_has_corners_and_sizes() {
        let text = r#"{"images": [{"id": 7, "file_name": "one.jpg"}], "categories": [{"id": 3, "name": "dog"}],
            "annotations": [{"image_id": 7, "category_id": 3, "bbox": [1, 2, 3, 2]}]}"#;
        let boxes = read("boxes.json", text).unwrap();
        let expected = LabelledBox { label: "dog".into(), edges: [1.0, 2.0, 4.0, 4.0] };
        assert_eq!(boxes.of("one"), [&expected]);
        let stray = text.replace("\"image_id\": 7", "\"image_id\": 8");
        let error = format!("{:#}", read("boxes.json", &stray).unwrap_err());
        assert!(error.contains("image 8"), "{error}");
        let none = format!("{:#}", read("boxes.json", "{}").unwrap_err());
        assert!(none.contains("images"), "{none}");
    }

    #[test]
    fn mistakes_are_named_with_their_line() {
        let error = |from: &str, to: &str| {
            format!("{:#}", read("boxes.csv", &TABLE.replace(from, to)).unwrap_err())
        };
        assert!(error("2,0,4,4", "2,0,x,4").contains("line 3: `x` is no number"));
        assert!(error("2,0,4,4", "2,0,2,4").contains("line 3: a box must have"));
        assert!(error("\"thing, any\"", "thing, any").contains("line 4: there are 7 fields"));
        assert!(error("input,label", "file,label").contains("its first line must be"));
        assert!(format!("{:#}", Boxes::read(Path::new("no.csv")).unwrap_err()).contains("no.csv"));
    }
}
