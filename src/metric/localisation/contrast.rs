//! Contrast: in a picture with objects of several classes, how much more of the positive relevance lies on an object when its own
//! class is explained: the mean over ordered pairs of classes A, B of mass(A, map of A) − mass(A, map of B) (after the masses of
//! Kohlbrenner et al. 2020). From −1 to 1; 0 is a map that does not look at the class, higher is better.

use std::rc::Rc;

use anyhow::Result;

use super::truth::positive_share;
use crate::metric::conditions::Conditions;
use crate::metric::info::{Category, Direction, MetricInfo};
use crate::metric::map::Map;
use crate::metric::measure::{Metric, Needs};
use crate::metric::picture::Picture;
use crate::metric::subject::Subject;
use crate::metric::undefined::undefined;

/// How much more mass an object gets when its own class is explained.
pub struct Contrast;

impl Metric for Contrast {
    fn info(&self) -> &'static MetricInfo {
        &MetricInfo {
            name: "contrast",
            category: Category::Localisation,
            direction: Direction::Higher,
            is_default: false,
            paper: "after Kohlbrenner et al. 2020",
            about: "how much more mass an object gets when its own class is explained",
        }
    }

    fn needs(&self) -> Needs {
        Needs::Boxes
    }

    fn classes(&self, picture: &Picture, _conditions: &Conditions) -> Result<Vec<usize>> {
        let objects = picture.beside().objects()?;
        let classes = objects.into_iter().map(|(class, _)| class);
        Ok(classes.filter(|class| *class != picture.target()).collect())
    }

    fn measure(&self, subject: &Subject, _conditions: &Conditions) -> Result<f64> {
        let objects = subject.picture().beside().objects()?;
        if objects.len() < 2 {
            return undefined("the picture has no boxes of several classes");
        }
        let (mut sum, mut pairs) = (0.0, 0);
        for (index, (class, object)) in objects.iter().enumerate() {
            let own = positive_share(&*class_map(subject, *class)?, object.inside())?;
            for (other_index, (other, _)) in objects.iter().enumerate() {
                if other_index != index {
                    sum += own - positive_share(&*class_map(subject, *other)?, object.inside())?;
                    pairs += 1;
                }
            }
        }
        Ok(sum / f64::from(pairs))
    }
}

fn class_map(subject: &Subject, class: usize) -> Result<Rc<Map>> {
    match class == subject.picture().target() {
        true => Ok(Rc::new(subject.map().clone())),
        false => subject.map_of(class),
    }
}
