//! A map of a method on a picture: what metrics are called with.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use anyhow::{Context, Result};

use super::conditions::{Conditions, Score};
use super::curve::Curve;
use super::map::Map;
use super::network::{Explain, Explained, Output};
use super::picture::Picture;
use super::removal::{Order, Removal, ranked};
use super::undefined::undefined;
use crate::tensor::Tensor;

/// A map of a method on a picture, with what several metrics ask of it: computed when it is asked for the first time.
pub struct Subject<'a> {
    picture: &'a Picture<'a>,
    explained: Explained,
    explain: &'a dyn Explain,
    others: RefCell<Vec<(usize, Rc<Map>)>>,
    curves: RefCell<Vec<(String, Rc<Curve>)>>,
    noisy: RefCell<Vec<(String, Rc<Noisy>)>>,
    runs: Cell<usize>,
    explanations: Cell<usize>,
}

/// What becomes of a map when there is noise on the input.
#[derive(Clone, Debug, PartialEq)]
pub struct Noisy {
    /// ‖h_j − h‖ / ‖h‖ for every draw.
    pub change: Vec<f64>,
    /// What the network says, where the method ran it; else empty.
    outputs: Vec<Output>,
}

impl<'a> Subject<'a> {
    /// The map of a method; `others` are its maps of other classes, as far as they are known already.
    pub fn new(
        picture: &'a Picture<'a>,
        explain: &'a dyn Explain,
        explained: Explained,
        others: Vec<(usize, Map)>,
    ) -> Subject<'a> {
        let others: Vec<_> = others.into_iter().map(|(class, map)| (class, Rc::new(map))).collect();
        Subject {
            picture,
            explained,
            explain,
            explanations: Cell::new(1 + others.len()),
            others: RefCell::new(others),
            curves: RefCell::default(),
            noisy: RefCell::default(),
            runs: Cell::new(0),
        }
    }

    /// The picture.
    pub fn picture(&self) -> &'a Picture<'a> {
        self.picture
    }

    /// The map of the target.
    pub fn map(&self) -> &Map {
        &self.explained.map
    }

    /// How far the relevance is from the sum that the method promises, where it promises one.
    pub fn relative_error(&self) -> Option<f64> {
        self.explained.relative_error
    }

    /// Runs of the network for this map alone.
    pub fn runs(&self) -> usize {
        self.runs.get()
    }

    /// Explanations of this method, that of the target included.
    pub fn explanations(&self) -> usize {
        self.explanations.get()
    }

    /// Runs the network on changed pictures, for this map alone.
    pub fn run(
        &self,
        count: usize,
        input: &(dyn Fn(usize) -> Result<Tensor> + Sync),
    ) -> Result<Vec<Output>> {
        self.runs.set(self.runs.get() + count);
        self.picture.run(count, input)
    }

    /// The map of one class of another input.
    ///
    /// # Errors
    /// As [`Explain::explain`].
    pub fn explain(&self, input: &Tensor, class: usize, draw: u64) -> Result<Map> {
        self.explanations.set(self.explanations.get() + 1);
        let explained = self.explain.explain(input, &[class], draw)?;
        Ok(explained.into_iter().next().context("a method gave no map")?.map)
    }

    /// The map of another class.
    ///
    /// # Errors
    /// As [`Explain::explain`].
    pub fn map_of(&self, class: usize) -> Result<Rc<Map>> {
        let known = |(known, map): &(usize, Rc<Map>)| (*known == class).then(|| Rc::clone(map));
        if let Some(map) = self.others.borrow().iter().find_map(known) {
            return Ok(map);
        }
        let map = Rc::new(self.explain(self.picture.input(), class, 0)?);
        self.others.borrow_mut().push((class, Rc::clone(&map)));
        Ok(map)
    }

    /// The scores while regions are removed in an order of their mean relevance.
    ///
    /// # Errors
    /// When the network fails, or there are no regions.
    pub fn curve(&self, order: Order, conditions: &Conditions) -> Result<Rc<Curve>> {
        let named = ["fill", "regions", "levels", "score", "draws"];
        let key = format!("{order:?} {:?}", conditions.named(&named));
        if let Some((_, curve)) = self.curves.borrow().iter().find(|(known, _)| *known == key) {
            return Ok(Rc::clone(curve));
        }
        let curve = Rc::new(self.compute_curve(order, conditions)?);
        self.curves.borrow_mut().push((key, Rc::clone(&curve)));
        Ok(curve)
    }

    fn compute_curve(&self, order: Order, conditions: &Conditions) -> Result<Curve> {
        let partition = self.picture.partition(&conditions.regions)?;
        let ties = self.picture.seeds().stream("ties", &[]);
        let ranked = ranked(&partition.means(self.map()), order, ties);
        let counts = conditions.levels.counts(ranked.len());
        let removal = self.picture.removal(conditions)?;
        let (inner, draws) = (inner_points(&counts, ranked.len()), removal.draws());
        let (removal, partition): (&Removal, &_) = (&removal, &*partition);
        let outputs = self.run(inner.len() * draws, &|run| {
            let removed = ranked[..inner[run / draws]].iter().copied();
            removal.without(&partition.pixels_of(removed), run % draws)
        })?;
        let mut outputs = outputs.chunks(draws);
        let mut curve = Curve::default();
        let mut removed_pixels = 0;
        let mut removed_regions = 0;
        for count in counts {
            let sizes = &ranked[removed_regions..count];
            removed_pixels += sizes.iter().map(|&region| partition.sizes()[region]).sum::<usize>();
            removed_regions = count;
            curve.fraction.push(removed_pixels as f64 / partition.pixels() as f64);
            curve.regions.push(count as f64 / ranked.len() as f64);
            if count == 0 {
                self.add_point(&mut curve, std::slice::from_ref(self.picture.output()), conditions);
            } else if count == ranked.len() {
                self.add_point(&mut curve, &self.picture.emptied(conditions)?, conditions);
            } else {
                let draws = outputs.next().context("a level of a curve is missing")?;
                self.add_point(&mut curve, draws, conditions);
            }
        }
        Ok(curve)
    }

    fn add_point(&self, curve: &mut Curve, draws: &[Output], conditions: &Conditions) {
        let target = self.picture.target();
        let class = self.picture.output().top();
        let mean = |of: &dyn Fn(&Output) -> f64| {
            draws.iter().map(of).sum::<f64>() / draws.len().max(1) as f64
        };
        curve.score.push(mean(&|output| match conditions.score {
            Score::Probability => output.probability(target),
            Score::Logit => output.logit(target),
        }));
        curve.keeps_class.push(mean(&|output| f64::from(u8::from(output.top() == class))));
        curve.is_target.push(mean(&|output| f64::from(u8::from(output.top() == target))));
    }

    /// What becomes of the map when there is noise on the input.
    ///
    /// # Errors
    /// Undefined for a map that is 0 everywhere, or that was made elsewhere.
    pub fn noisy(&self, conditions: &Conditions) -> Result<Rc<Noisy>> {
        let key = format!("{:?}", conditions.named(&["radius", "noise-draws"]));
        if let Some((_, noisy)) = self.noisy.borrow().iter().find(|(known, _)| *known == key) {
            return Ok(Rc::clone(noisy));
        }
        let noisy = Rc::new(self.compute_noisy(conditions)?);
        self.noisy.borrow_mut().push((key, Rc::clone(&noisy)));
        Ok(noisy)
    }

    fn compute_noisy(&self, conditions: &Conditions) -> Result<Noisy> {
        let norm = self.map().norm();
        if norm == 0.0 {
            return undefined("the map is 0 everywhere");
        }
        let inputs = self.picture.noisy(conditions)?;
        let explained = self.explain.explain_all(&inputs, self.picture.target())?;
        self.explanations.set(self.explanations.get() + inputs.len());
        let change = explained.iter().map(|explained| self.map().distance(&explained.map) / norm);
        let change = change.collect();
        let outputs: Option<Vec<Output>> =
            explained.iter().map(|explained| explained.output.clone()).collect();
        Ok(Noisy { change, outputs: outputs.unwrap_or_default() })
    }

    /// What the network says about the noisy inputs.
    ///
    /// # Errors
    /// As [`Subject::noisy`].
    pub fn noisy_outputs(&self, conditions: &Conditions) -> Result<Vec<Output>> {
        let noisy = self.noisy(conditions)?;
        match noisy.outputs.is_empty() {
            false => Ok(noisy.outputs.clone()),
            true => Ok((*self.picture.noisy_outputs(conditions)?).clone()),
        }
    }

    /// Share of the noisy inputs, of all that were explained, with another strongest class than the picture; `None` where
    /// none was, or the method does not run the network.
    pub fn flips(&self) -> Option<f64> {
        let class = self.picture.output().top();
        let all = self.noisy.borrow();
        let outputs = || all.iter().flat_map(|(_, noisy)| &noisy.outputs);
        let count = outputs().count();
        let flips = outputs().filter(|output| output.top() != class).count();
        (count > 0).then(|| flips as f64 / count as f64)
    }
}

/// The numbers of removed regions between nothing and everything.
fn inner_points(counts: &[usize], all: usize) -> Vec<usize> {
    counts.iter().copied().filter(|&count| count > 0 && count < all).collect()
}
