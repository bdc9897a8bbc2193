//! One metric: every method's mean, and how it compares with the best and with the control `random`.

use std::collections::BTreeMap;

use crate::evaluation::{MethodSettings, MetricSettings};
use crate::metric::{Category, Direction, find};
use crate::statistics::{Bootstrap, Comparison, LEAST_DECIDABLE, Sample, holm};

use super::types::{Difference, MethodSummary, MetricSummary};
use super::values::Values;

/// The name of the control that every method must beat.
pub(super) const RANDOM: &str = "random";

/// What a metric's rows are computed from.
pub(super) struct Rows<'a> {
    pub values: &'a Values,
    pub methods: &'a [MethodSettings],
    /// The unit that each picture belongs to.
    pub units: &'a [usize],
    pub bootstrap: Bootstrap,
}

/// The category of a metric of a report.
pub(super) fn category(metric: &MetricSettings) -> Category {
    find(&metric.metric).map_or(Category::Faithfulness, |info| info.category)
}

/// 1 where higher is better, −1 where lower is.
pub(super) fn orientation(direction: Direction) -> f64 {
    match direction {
        Direction::Higher => 1.0,
        Direction::Lower => -1.0,
    }
}

/// Whether noise has a score in metrics of a category that a method should beat. Noise is perfectly robust, for one.
fn noise_can_be_beaten(category: Category) -> bool {
    matches!(category, Category::Faithfulness | Category::Localisation | Category::Complexity)
}

impl Rows<'_> {
    /// The rows of a metric.
    pub(super) fn of(&self, metric: &MetricSettings) -> MetricSummary {
        let samples: Vec<Sample> =
            self.methods.iter().map(|method| self.sample(&metric.name, &method.name)).collect();
        let sign = orientation(metric.direction);
        let best = self.best(&samples, sign);
        let mut to_best = self.differences(&metric.name, best);
        self.adjust(&mut to_best);
        let can_be_beaten = noise_can_be_beaten(category(metric));
        let random =
            self.methods.iter().position(|method| method.is_control && method.name == RANDOM);
        let to_random = self.differences(&metric.name, random.filter(|_| can_be_beaten));
        let differences = to_best.into_iter().zip(to_random);
        let row = |(index, (sample, (to_best, to_random)))| {
            let method: &MethodSettings = &self.methods[index];
            let row = self.row(&sample, Some(index) == best, to_best, to_random, (method, sign));
            let undefined = self.values.undefined(&metric.name, &method.name);
            (method.name.clone(), MethodSummary { undefined, ..row })
        };
        MetricSummary {
            direction: metric.direction,
            category: category(metric),
            methods: samples.into_iter().zip(differences).enumerate().map(row).collect(),
        }
    }

    fn row(
        &self,
        sample: &Sample,
        is_best: bool,
        to_best: Option<Difference>,
        to_random: Option<Difference>,
        (method, sign): (&MethodSettings, f64),
    ) -> MethodSummary {
        let random = to_random.filter(|_| !method.is_control);
        MethodSummary {
            n: sample.count(),
            mean: sample.mean(),
            standard_error: sample.standard_error(),
            median: sample.median(),
            interval: self.bootstrap.interval(sample),
            best: is_best,
            indistinguishable: is_best || self.may_be_best(method, &to_best),
            above_random: random.as_ref().map(|random| self.is_shown(random, sign)),
            difference: to_best,
            random,
            undefined: BTreeMap::new(),
        }
    }

    fn sample(&self, metric: &str, method: &str) -> Sample {
        let values = self.values.of_method(metric, method).iter().zip(self.units);
        Sample::of_folders(values.filter_map(|(value, unit)| Some((*unit, (*value)?))))
    }

    /// The method with the best mean, among those that are defined on at least half as many pictures as any.
    fn best(&self, samples: &[Sample], sign: f64) -> Option<usize> {
        let methods = || (0..samples.len()).filter(|&index| !self.methods[index].is_control);
        let most = methods().map(|index| samples[index].count()).max()?;
        let is_candidate = |index: &usize| 2 * samples[*index].count() >= most;
        let scored = methods()
            .filter(is_candidate)
            .filter_map(|index| Some((index, samples[index].mean()? * sign)));
        let better = |a: &(usize, f64), b: &(usize, f64)| {
            // Of equal ones the first by name, whatever the order of the settings.
            let names = self.methods[b.0].name.cmp(&self.methods[a.0].name);
            a.1.total_cmp(&b.1).then(names)
        };
        scored.max_by(better).map(|(index, _)| index)
    }

    /// The paired differences of all methods to one of them.
    fn differences(&self, metric: &str, to: Option<usize>) -> Vec<Option<Difference>> {
        let Some(to) = to else {
            return vec![None; self.methods.len()];
        };
        let other = self.values.of_method(metric, &self.methods[to].name);
        let difference = |index: usize| {
            let own = self.values.of_method(metric, &self.methods[index].name);
            let pairs = own.iter().zip(other).zip(self.units);
            let differences =
                pairs.filter_map(|((own, other), unit)| Some((*unit, (*own)? - (*other)?)));
            let found = Comparison::of(&Sample::of_folders(differences), &self.bootstrap)?;
            (index != to).then(|| Difference {
                to: self.methods[to].name.clone(),
                n: found.count,
                mean: found.mean,
                standard_error: found.standard_error,
                interval: found.interval,
                p: found.p,
                pictures_needed: found.pictures_needed,
            })
        };
        (0..self.methods.len()).map(difference).collect()
    }

    /// Adjusts the p-values of all methods for their number, and those of all controls for theirs.
    fn adjust(&self, differences: &mut [Option<Difference>]) {
        let mut families: BTreeMap<bool, Vec<&mut Difference>> = BTreeMap::new();
        for (method, difference) in self.methods.iter().zip(differences) {
            families.entry(method.is_control).or_default().extend(difference);
        }
        for family in families.values_mut() {
            let p_values: Vec<f64> = family.iter().map(|difference| difference.p).collect();
            for (difference, p) in family.iter_mut().zip(holm(&p_values)) {
                difference.p = p;
            }
        }
    }

    fn may_be_best(&self, method: &MethodSettings, difference: &Option<Difference>) -> bool {
        let may_be_chance = |difference: &Difference| difference.p >= self.level();
        !method.is_control && difference.as_ref().is_some_and(may_be_chance)
    }

    /// Whether a difference is on the better side: by the test, where there are enough pictures for one.
    fn is_shown(&self, difference: &Difference, sign: f64) -> bool {
        difference.mean * sign > 0.0
            && (difference.n < LEAST_DECIDABLE || difference.p < self.level())
    }

    fn level(&self) -> f64 {
        1.0 - self.bootstrap.confidence
    }
}
