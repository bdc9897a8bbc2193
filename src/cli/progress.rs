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
        let rate = *done as f64 / self.begin.elapsed().as_secs_f64().max(1e-3);
        let left =
            Duration::from_secs_f64((count.saturating_sub(position)) as f64 / rate.max(1e-3));
        format!(
            "{position} of {count}, {failed} failed, {rate:.2} per second, {} left",
            HumanDuration(left)
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

/// A bar of `count` that stands at `position`.
fn shown(count: usize, position: usize) -> ProgressBar {
    let bar = ProgressBar::new(count as u64).with_position(position as u64);
    let template = "{bar:30} {pos}/{len}  {rate}  {elapsed} passed, {eta} left{msg}";
    if let Ok(style) = ProgressStyle::with_template(template) {
        let style = style.with_key("rate", |state: &ProgressState, text: &mut dyn Write| {
            // Where nobody listens, nothing can be done.
            let _ = write!(text, "{:.2}/s", state.per_sec());
        });
        bar.set_style(style.progress_chars("━╸─"));
    }
    bar.reset_eta();
    bar.enable_steady_tick(TICK);
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

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
