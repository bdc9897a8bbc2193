//! How far a batch is: a bar on a terminal; elsewhere, for those who want detail, a line now and then.

use std::fmt::Write;
use std::time::{Duration, Instant};

use indicatif::{HumanDuration, ProgressBar, ProgressState, ProgressStyle};

/// Between two lines.
const INTERVAL: Duration = Duration::from_secs(30);

/// Between two drawings of the bar while nothing happens, so that its clock goes on.
const TICK: Duration = Duration::from_millis(500);

/// The progress of a batch or of the samples of one input, or none.
pub struct Progress {
    bar: ProgressBar,
    /// Inputs; 0 where they are not what is counted.
    count: usize,
    done_before: usize,
    done: usize,
    failed: usize,
    begin: Instant,
    told: Instant,
    interval: Duration,
}

impl Progress {
    /// Shows nothing.
    pub fn none() -> Progress {
        Progress::new(ProgressBar::hidden(), 0, 0, INTERVAL)
    }

    /// Begins with `count` inputs, of which some are done already. The bar appears on a terminal only.
    pub fn begin(count: usize, done_before: usize) -> Progress {
        let bar = shown(count, done_before);
        Progress::new(bar, count, done_before, INTERVAL)
    }

    /// Begins with the samples of one input, which move [`Progress::bar`]. It appears on a terminal only.
    pub fn of_samples(count: usize) -> Progress {
        Progress::new(shown(count, 0), 0, 0, INTERVAL)
    }

    /// The bar, to be moved from any thread.
    pub fn bar(&self) -> ProgressBar {
        self.bar.clone()
    }

    fn new(bar: ProgressBar, count: usize, done_before: usize, interval: Duration) -> Progress {
        let now = Instant::now();
        let (done, failed) = (0, 0);
        Progress { bar, count, done_before, done, failed, begin: now, told: now, interval }
    }

    /// One more input has ended; returns a line where no bar is seen and it is time for one.
    pub fn advance(&mut self, has_failed: bool) -> Option<String> {
        if self.count == 0 {
            return None;
        }
        self.done += 1;
        if has_failed {
            self.failed += 1;
            self.bar.set_message(format!("  {} failed", self.failed));
        }
        self.bar.inc(1);
        if !self.bar.is_hidden() || self.told.elapsed() < self.interval {
            return None;
        }
        self.told = Instant::now();
        Some(self.line())
    }

    fn line(&self) -> String {
        let Progress { count, done_before, done, failed, .. } = self;
        let position = done_before + done;
        let pace = Pace {
            done: *done,
            left: count.saturating_sub(position),
            passed: self.begin.elapsed(),
        };
        format!(
            "{position} of {count}, {failed} failed, {:.2} per second, {} left",
            pace.rate(),
            HumanDuration(pace.time_left())
        )
    }

    /// Runs `print` while the bar is out of the way.
    pub fn suspend<T>(&self, print: impl FnOnce() -> T) -> T {
        self.bar.suspend(print)
    }

    /// Takes the bar away.
    pub fn end(&self) {
        self.bar.finish_and_clear();
    }
}

/// How fast this run goes. What an earlier run has done says nothing about it: the bar's own estimate takes it in.
struct Pace {
    done: usize,
    left: usize,
    passed: Duration,
}

impl Pace {
    /// Inputs a second.
    fn rate(&self) -> f64 {
        self.done as f64 / self.passed.as_secs_f64().max(1e-3)
    }

    fn time_left(&self) -> Duration {
        Duration::from_secs_f64(self.left as f64 / self.rate().max(1e-3))
    }

    fn of_bar(state: &ProgressState, begun_at: u64) -> Pace {
        let (at, count) = (state.pos(), state.len().unwrap_or(0));
        Pace {
            done: at.saturating_sub(begun_at) as usize,
            left: count.saturating_sub(at) as usize,
            passed: state.elapsed(),
        }
    }
}

/// A bar of `count` that stands at `position`.
fn shown(count: usize, position: usize) -> ProgressBar {
    let bar = ProgressBar::new(count as u64).with_position(position as u64);
    let template = "{bar:30} {pos}/{len}  {rate}  {elapsed} passed{left}{msg}";
    let begun_at = position as u64;
    if let Ok(style) = ProgressStyle::with_template(template) {
        let style = style.with_key("rate", move |state: &ProgressState, text: &mut dyn Write| {
            // Where nobody listens, nothing can be done.
            let _ = write!(text, "{:.2}/s", Pace::of_bar(state, begun_at).rate());
        });
        let style = style.with_key("left", move |state: &ProgressState, text: &mut dyn Write| {
            let pace = Pace::of_bar(state, begun_at);
            // Before the first result nothing is known.
            if pace.done > 0 {
                let _ = write!(text, ", {} left", HumanDuration(pace.time_left()));
            }
        });
        bar.set_style(style.progress_chars("━╸─"));
    }
    bar.enable_steady_tick(TICK);
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_done_before_does_not_count() {
        let pace = Pace { done: 10, left: 90, passed: Duration::from_secs(20) };
        assert_eq!((pace.rate(), pace.time_left()), (0.5, Duration::from_secs(180)));
    }

    #[test]
    fn without_a_terminal_there_is_a_line_now_and_then() {
        let hidden = || ProgressBar::hidden();
        let mut often = Progress::new(hidden(), 10, 4, Duration::ZERO);
        assert!(often.advance(false).unwrap().starts_with("5 of 10, 0 failed, "));
        let line = often.advance(true).unwrap();
        assert!(line.starts_with("6 of 10, 1 failed, ") && line.ends_with(" left"), "{line}");
        let mut seldom = Progress::new(hidden(), 10, 0, INTERVAL);
        assert!(seldom.advance(true).is_none());
    }
}
