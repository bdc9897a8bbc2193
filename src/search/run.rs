//! A search at work: screen, race, confirm.

use std::collections::BTreeMap;
use std::time::Instant;

use anyhow::{Result as Checked, bail, ensure};

use super::budget::Budget;
use super::confirm::Confirmation;
use super::extent::{Draw, SCREENING_SHARE, SHARED_EVALUATIONS};
use super::found::{CandidateScores, Cost, Effort, Found};
use super::measure::{Contestant, Desk, Field, Row};
use super::options::SearchOptions;
use super::race::{keeping, nearest, next_block, survivors};
use super::scores::Scores;
use super::screen::{MOST_PICTURES, goodness, proxy, racing, sort_by_first};
use super::searcher::Searcher;
use super::trial::{Extent, Journal, NoJournal, Stage};
use crate::composite::Composite;
use crate::error::{Error, Kind, Result};
use crate::evaluation::{EvaluationInput, Evaluator};
use crate::method::{Unwatched, Watch};
use crate::session::{Session, Variants};
use crate::statistics::pareto_front;

/// Composites of a front that are confirmed beside the winner.
const MOST_OF_FRONT: usize = 4;

/// What an evaluation of a candidate takes in the race: both curves of srg, and the explanation.
const RACE_EVALUATIONS: u64 = 31;

impl Session {
    /// Searches for the composite that explains this model best on pictures like these.
    ///
    /// ```
    /// use onnxplain::Session;
    /// use onnxplain::search::SearchOptions;
    ///
    /// # fn main() -> Result<(), onnxplain::Error> {
    /// # let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/sample-models");
    /// # let pictures = ["bag", "coat", "dress", "sneaker"].map(|it| format!("{folder}/photos/fashion/{it}.png"));
    /// let session = Session::open(format!("{folder}/fashion_vgg.onnx"))?;
    /// let space = "
    /// name: one γ
    /// parameters: { gamma: [0, 0.25, 10] }
    /// rules:
    ///   - when: { kind: [convolution, dense] }
    ///     rule: { gamma: { gamma: $gamma } }
    ///   - when: { kind: activation }
    ///     rule: pass
    /// ";
    /// let found = session.search(&pictures, SearchOptions::new().space_text(space)?)?;
    /// let best = onnxplain::Composite::parse(&found.best)?;
    /// assert_eq!(best.name(), "best");
    /// assert_eq!(found.confirmed.len(), 5);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Searcher::new`] and [`Searcher::run`].
    pub fn search<I: Into<EvaluationInput>>(
        &self,
        inputs: impl IntoIterator<Item = I>,
        options: SearchOptions,
    ) -> Result<Found> {
        let inputs: Vec<EvaluationInput> = inputs.into_iter().map(Into::into).collect();
        Searcher::new(self, options, &inputs, None)?.run(&mut NoJournal, &Unwatched)
    }
}

/// What the race left.
struct Raced {
    scores: Scores,
    alive: Vec<usize>,
}

impl Searcher<'_> {
    /// Searches. `journal` keeps every trial, and knows those of an earlier run; `watch` ends the work.
    ///
    /// # Errors
    /// [`Error::Composite`] where a candidate does not fit the network, [`Error::Input`] where no picture can be measured or
    /// no candidate keeps the requirements, [`Error::Cancelled`], [`Error::Io`] where the journal fails.
    pub fn run(&self, journal: &mut dyn Journal, watch: &dyn Watch) -> Result<Found> {
        let mut desk = Desk { journal, watch, failures: vec![] };
        let begin = Instant::now();
        let contestants: Vec<Contestant> = self.candidates.iter().map(Contestant::of).collect();
        let variants = {
            let composites = self.candidates.iter().map(|it| it.composite.clone());
            let composites: Vec<Composite> = composites.collect();
            self.session.variants(&self.options.explainer, &composites)?
        };
        let (extent, scores) =
            self.screen(&contestants, &variants, begin, &mut desk).kind(Error::Input)?;
        let screened = &extent.screened;
        let proxies: Vec<&str> = self.objectives.iter().map(|it| proxy(it)).collect();
        let parameters = |number: usize| &self.candidates[number].parameters[..];
        let mut starting = racing(screened, parameters, &scores, &proxies);
        starting.truncate(self.most_racing(&extent));
        let field = self.field(Stage::Race, &contestants, &variants);
        let raced = self.race(&field, &starting, (&extent, begin), &mut desk).kind(Error::Input)?;
        drop(variants);
        let front = self.front(&raced).kind(Error::Input)?;
        let candidates = self.rows(screened, &scores, &raced, &proxies);
        let confirmation = Confirmation { searcher: self, front: &front, raced: &raced.scores };
        let confirmed = confirmation.run(&mut desk)?;
        let cost = Cost {
            choosing: effort(&self.evaluators[..2]),
            confirming: effort(&self.evaluators[2..]),
        };
        Ok(Found {
            settings: self.settings.clone(),
            candidates,
            winner: front[0],
            front,
            verdict: confirmed.verdict,
            confirmed: confirmed.rows,
            best: confirmed.best,
            others: confirmed.others,
            cost,
            failures: desk.failures,
        })
    }

    /// Measures all candidates, or as many as the budget allows, on some pictures.
    fn screen(
        &self,
        contestants: &[Contestant],
        variants: &Variants,
        begin: Instant,
        desk: &mut Desk,
    ) -> Checked<(Extent, Scores)> {
        let field = self.field(Stage::Screen, contestants, variants);
        let all: Vec<usize> = (0..contestants.len()).collect();
        let pictures = &self.split.choosing[..self.split.choosing.len().min(MOST_PICTURES)];
        let draw =
            Draw { seed: self.options.seed, candidates: all.len(), pictures: pictures.len() };
        let earlier = desk.journal.earlier_extent();
        let mut rows: Vec<Row> = vec![];
        let mut extent = match self.options.budget {
            Budget::Unlimited => draw.everything(),
            Budget::Evaluations(count) => draw.for_evaluations(count)?,
            Budget::Minutes(minutes) => {
                // The first picture tells how long the others would take.
                let before = Instant::now();
                desk.journal.begin(Stage::Screen, 1, all.len());
                rows = field.measure(&all, &pictures[..1], desk)?;
                let one = before.elapsed().as_secs_f64();
                let left = SCREENING_SHARE * 60.0 * minutes - begin.elapsed().as_secs_f64();
                draw.for_time(left * self.jobs as f64 / one.max(1e-9))
            }
        };
        if let Some(earlier) = earlier {
            extent = earlier;
        }
        desk.journal.decide(&extent)?;
        let first = usize::from(matches!(self.options.budget, Budget::Minutes(_)));
        let pictures = &pictures[first..extent.screening_pictures.clamp(first, pictures.len())];
        desk.journal.begin(Stage::Screen, pictures.len(), extent.screened.len());
        let screened = &extent.screened;
        for row in &mut rows {
            *row = screened.iter().filter_map(|&number| row.get(number).cloned()).collect();
        }
        rows.extend(field.measure(screened, pictures, desk)?);
        ensure!(!rows.is_empty(), "{}", first_failure(desk));
        let scores = scores_of(screened, rows);
        Ok((extent, scores))
    }

    /// Measures the best on more and more pictures.
    fn race(
        &self,
        field: &Field,
        starting: &[usize],
        (extent, begin): (&Extent, Instant),
        desk: &mut Desk,
    ) -> Checked<Raced> {
        let objectives: Vec<&str> = self.objectives.iter().map(String::as_str).collect();
        let pictures = &self.split.choosing;
        let (mut raced, mut done) =
            (Raced { scores: Scores::default(), alive: starting.to_vec() }, 0);
        let mut spent = screening_cost(extent);
        while done < pictures.len() && (done == 0 || raced.alive.len() > 1) {
            let end = next_block(done, pictures.len());
            let cost = ((end - done) * raced.alive.len()) as u64 * RACE_EVALUATIONS;
            if done > 0 && self.is_over(spent + cost, begin) {
                break;
            }
            spent += cost;
            desk.journal.begin(Stage::Race, end - done, raced.alive.len());
            let rows = field.measure(&raced.alive, &pictures[done..end], desk)?;
            for row in rows {
                for (&number, values) in raced.alive.iter().zip(row) {
                    raced.scores.add(number, values);
                }
            }
            let requirements = &self.options.requirements;
            raced.alive = survivors(&raced.alive, &raced.scores, &objectives, requirements);
            done = end;
        }
        ensure!(
            raced.alive.iter().any(|&number| raced.scores.pictures(number) > 0),
            "{}",
            first_failure(desk)
        );
        Ok(raced)
    }

    /// So many candidates can be measured on the first pictures of the race; two at least.
    fn most_racing(&self, extent: &Extent) -> usize {
        let Budget::Evaluations(count) = self.options.budget else { return usize::MAX };
        let each = next_block(0, self.split.choosing.len()) as u64 * RACE_EVALUATIONS;
        let affordable = count.saturating_sub(screening_cost(extent)) / each.max(1);
        usize::try_from(affordable).unwrap_or(usize::MAX).max(2)
    }

    fn is_over(&self, evaluations: u64, begin: Instant) -> bool {
        match self.options.budget {
            Budget::Unlimited => false,
            Budget::Evaluations(count) => evaluations > count,
            Budget::Minutes(minutes) => begin.elapsed().as_secs_f64() > 60.0 * minutes,
        }
    }

    /// The candidates that none beats in all objectives by the means of the race, the best by the first one first.
    fn front(&self, raced: &Raced) -> Checked<Vec<usize>> {
        let requirements = &self.options.requirements;
        let keeping = keeping(&raced.alive, &raced.scores, requirements);
        if keeping.is_empty() {
            let told = requirements.iter().map(|requirement| {
                let found = nearest(&raced.alive, &raced.scores, requirement);
                let found = found.map_or("undefined".to_string(), |mean| format!("{mean:.4}"));
                format!("{requirement} (the nearest mean is {found})")
            });
            let told: Vec<String> = told.collect();
            bail!(
                "no candidate that raced keeps the requirements {}: ask for less, or give a space with other values",
                told.join(" and ")
            );
        }
        let objectives: Vec<&str> = self.objectives.iter().map(String::as_str).collect();
        let rows: Vec<Vec<Option<f64>>> =
            keeping.iter().map(|&it| goodness(&raced.scores, it, &objectives)).collect();
        let is_front = pareto_front(&rows);
        let front = keeping.iter().zip(is_front).filter(|(_, is_front)| *is_front);
        let mut front: Vec<usize> = front.map(|(number, _)| *number).collect();
        ensure!(
            !front.is_empty(),
            "{} is undefined for every candidate: it cannot be searched for on these pictures",
            self.objectives.join(" and ")
        );
        sort_by_first(&mut front, &raced.scores, &objectives);
        // Equal in everything: one of them is enough.
        front.dedup_by_key(|&mut number| goodness_key(&raced.scores, number, &objectives));
        front.truncate(MOST_OF_FRONT);
        Ok(front)
    }

    fn rows(
        &self,
        screened: &[usize],
        scores: &Scores,
        raced: &Raced,
        proxies: &[&str],
    ) -> Vec<CandidateScores> {
        let mut order = screened.to_vec();
        sort_by_first(&mut order, scores, proxies);
        let means = |scores: &Scores, evaluator: &Evaluator, number: usize| {
            let metrics = evaluator.settings().metrics.iter();
            metrics
                .map(|metric| {
                    let mean = scores.estimate(number, &metric.name).map(|it| it.mean);
                    (metric.name.clone(), mean)
                })
                .collect::<BTreeMap<_, _>>()
        };
        let row = |number: usize| CandidateScores {
            number,
            parameters: self.candidates[number].parameters.iter().cloned().collect(),
            screened: means(scores, &self.evaluators[0], number),
            raced: match raced.scores.pictures(number) {
                0 => BTreeMap::new(),
                _ => means(&raced.scores, &self.evaluators[1], number),
            },
            pictures: raced.scores.pictures(number),
            survived: raced.alive.contains(&number),
        };
        order.into_iter().map(row).collect()
    }

    fn field<'a>(
        &'a self,
        stage: Stage,
        contestants: &'a [Contestant],
        variants: &'a Variants,
    ) -> Field<'a> {
        let evaluator = match stage {
            Stage::Screen => &self.evaluators[0],
            Stage::Race => &self.evaluators[1],
            Stage::Confirm => &self.evaluators[2],
        };
        Field { stage, evaluator, variants, contestants, jobs: self.jobs }
    }
}

/// What screening costs, in runs of the network and explanations.
fn screening_cost(extent: &Extent) -> u64 {
    extent.screening_pictures as u64 * (SHARED_EVALUATIONS + extent.screened.len() as u64)
}

fn goodness_key(scores: &Scores, number: usize, objectives: &[&str]) -> Vec<Option<u64>> {
    goodness(scores, number, objectives).into_iter().map(|it| it.map(f64::to_bits)).collect()
}

fn scores_of(numbers: &[usize], rows: Vec<Row>) -> Scores {
    let mut scores = Scores::default();
    for row in rows {
        for (&number, values) in numbers.iter().zip(row) {
            scores.add(number, values);
        }
    }
    scores
}

fn first_failure(desk: &Desk) -> String {
    let told =
        desk.failures.first().map(|(input, error)| format!("{}: {error:#}", input.path.display()));
    format!("no picture could be measured; {}", told.unwrap_or_default())
}

fn effort(evaluators: &[Evaluator]) -> Effort {
    evaluators.iter().fold(Effort::default(), |sum, evaluator| {
        let spent = evaluator.spent();
        Effort { runs: sum.runs + spent.runs, explanations: sum.explanations + spent.explanations }
    })
}
