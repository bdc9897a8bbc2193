//! What happens to the picture before the network sees it in a step: it is moved, scaled and turned at random, so that
//! only what the network recognises in all of that is worth its place (Olah et al. 2017, "transformation robustness").
//!
//! Every pixel of the window is taken from between four pixels of the canvas by bilinear interpolation; outside the canvas
//! it is mirrored. That is linear in the picture, and the way back is its exact transpose.

use super::settings::Settings;
use crate::random::Stream;

/// How the window lies on the canvas in a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Transformation {
    /// Pixels down and across.
    pub shift: [f32; 2],
    /// How much larger things are in the window than on the canvas.
    pub zoom: f32,
    /// Radians.
    pub angle: f32,
}

impl Transformation {
    /// The window where it is.
    #[cfg(test)]
    pub const NONE: Transformation = Transformation { shift: [0.0; 2], zoom: 1.0, angle: 0.0 };

    /// That of a step.
    pub fn random(settings: &Settings, jitter: usize, stream: Stream) -> Transformation {
        let pixels = |counter: u64| {
            // Whole pixels: between them, the picture would be blurred.
            stream.below(counter, 2 * jitter + 1) as f32 - jitter as f32
        };
        let even = |counter: u64| 2.0 * stream.uniform(counter) - 1.0;
        Transformation {
            shift: [pixels(0), pixels(1)],
            zoom: 1.0 + settings.scale * even(2),
            angle: (settings.rotate * even(3)).to_radians(),
        }
    }
}

/// Where a pixel of the window comes from: the upper left one of four pixels of the canvas, and how far the way to their
/// right and lower neighbours is.
#[derive(Clone, Copy, Debug)]
struct Tap {
    place: u32,
    /// 0 or 1.
    right: u32,
    /// 0, or the width of the canvas.
    below: u32,
    across: f32,
    down: f32,
}

/// A transformation of a canvas, ready for its planes.
pub(super) struct Sampling {
    /// Pixels of a plane of the canvas.
    pixels: usize,
    taps: Vec<Tap>,
}

impl Sampling {
    /// The window (its upper left corner, its size) on a canvas; sizes are `[height, width]`.
    pub fn new(
        transformation: Transformation,
        canvas: [usize; 2],
        corner: [usize; 2],
        window: [usize; 2],
    ) -> Sampling {
        let Transformation { shift, zoom, angle } = transformation;
        let (sine, cosine) = libm::sincosf(angle);
        let (sine, cosine) = (sine / zoom, cosine / zoom);
        let half = window.map(|side| (side as f32 - 1.0) / 2.0);
        let middle = [0, 1].map(|axis| corner[axis] as f32 + half[axis] + shift[axis]);
        let mut taps = Vec::with_capacity(window[0] * window[1]);
        for row in 0..window[0] {
            let y = row as f32 - half[0];
            for column in 0..window[1] {
                let x = column as f32 - half[1];
                let (top, below, down) = split(middle[0] + cosine * y - sine * x, canvas[0]);
                let (left, right, across) = split(middle[1] + sine * y + cosine * x, canvas[1]);
                taps.push(Tap {
                    place: (top * canvas[1] + left) as u32,
                    right: u32::from(right),
                    below: if below { canvas[1] as u32 } else { 0 },
                    across,
                    down,
                });
            }
        }
        Sampling { pixels: canvas[0] * canvas[1], taps }
    }

    /// The planes of the window.
    pub fn apply(&self, canvas: &[f32]) -> Vec<f32> {
        let mut window = Vec::with_capacity(canvas.len() / self.pixels * self.taps.len());
        for plane in canvas.chunks_exact(self.pixels) {
            window.extend(self.taps.iter().map(|tap| {
                let [a, b, c, d] = tap.places().map(|place| plane[place]);
                let upper = a + tap.across * (b - a);
                let lower = c + tap.across * (d - c);
                upper + tap.down * (lower - upper)
            }));
        }
        window
    }

    /// The gradient by the canvas, of that by the window.
    pub fn transposed(&self, window: &[f32]) -> Vec<f32> {
        let planes = window.len() / self.taps.len();
        let mut canvas = vec![0.0; planes * self.pixels];
        let of_planes = canvas.chunks_exact_mut(self.pixels);
        for (plane, gradient) in of_planes.zip(window.chunks_exact(self.taps.len())) {
            for (tap, slope) in self.taps.iter().zip(gradient) {
                let [a, b, c, d] = tap.places();
                let (lower, upper) = (slope * tap.down, slope * (1.0 - tap.down));
                plane[a] += upper * (1.0 - tap.across);
                plane[b] += upper * tap.across;
                plane[c] += lower * (1.0 - tap.across);
                plane[d] += lower * tap.across;
            }
        }
        canvas
    }
}

impl Tap {
    /// Upper left, upper right, lower left, lower right.
    fn places(self) -> [usize; 4] {
        let place = self.place;
        [place, place + self.right, place + self.below, place + self.below + self.right]
            .map(|place| place as usize)
    }
}

/// The pixel before a position on an axis, whether another one follows, and the share of the way to it. The axis is
/// mirrored at its ends: were its last pixel to go on instead, it would count as often as all that are beyond it.
fn split(position: f32, length: usize) -> (usize, bool, f32) {
    let last = (length - 1) as f32;
    let inside = position.abs();
    let inside = if inside > last { 2.0 * last - inside } else { inside };
    let position = inside.clamp(0.0, last);
    let before = position as usize;
    (before, before + 1 < length, position - before as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CANVAS: [usize; 2] = [9, 11];

    fn normals(seed: u64, count: usize) -> Vec<f32> {
        let mut values = vec![0.0; count];
        Stream::new(seed, &[]).normals(&mut values, |value, normal| *value = normal);
        values
    }

    fn sampling(transformation: Transformation) -> Sampling {
        Sampling::new(transformation, CANVAS, [1, 2], [7, 6])
    }

    #[test]
    fn the_window_is_cut_out_and_moved() {
        let canvas: Vec<f32> = (0..99).map(|place| place as f32).collect();
        let still = sampling(Transformation::NONE).apply(&canvas);
        assert_eq!((still[0], still[5], still[41]), (13.0, 18.0, 84.0));
        let shift = [1.0, -2.0];
        let moved = sampling(Transformation { shift, ..Transformation::NONE }).apply(&canvas);
        assert_eq!((moved[0], moved[5], moved[41]), (22.0, 27.0, 93.0));
        // Above the canvas it is mirrored.
        let shift = [-5.0, 0.0];
        let outside = sampling(Transformation { shift, ..Transformation::NONE }).apply(&canvas);
        assert_eq!((outside[0], outside[6], outside[36]), (46.0, 35.0, 24.0));
    }

    #[test]
    fn pictures_are_zoomed_and_turned_around_the_middle() {
        // The middle of the window is at row 4 and column 4.5.
        let row = |place: usize| (place / CANVAS[1]) as f32 - 4.0;
        let column = |place: usize| (place % CANVAS[1]) as f32 - 4.5;
        let rows: Vec<f32> = (0..99).map(row).collect();
        let zoomed = sampling(Transformation { zoom: 2.0, ..Transformation::NONE }).apply(&rows);
        assert_eq!((zoomed[0], zoomed[6 * 6]), (-1.5, 1.5));
        // A quarter turn: what was above is to the side.
        let angle = std::f32::consts::FRAC_PI_2;
        let turned = sampling(Transformation { angle, ..Transformation::NONE });
        let columns: Vec<f32> = (0..99).map(column).collect();
        for (place, value) in turned.apply(&columns).iter().enumerate() {
            let y = (place / 6) as f32 - 3.0;
            assert!((value - y).abs() < 1e-5, "{place}: {value}");
        }
    }

    #[test]
    fn the_transpose_is_the_transpose() {
        let settings = Settings { scale: 0.3, rotate: 40.0, ..Settings::default() };
        let dot = |a: &[f32], b: &[f32]| -> f64 {
            a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
        };
        for seed in 0..5 {
            let transformation = Transformation::random(&settings, 3, Stream::new(seed, &[]));
            let sampling = sampling(transformation);
            let (canvas, gradient) = (normals(seed, 2 * 99), normals(seed + 9, 2 * 42));
            let (window, back) = (sampling.apply(&canvas), sampling.transposed(&gradient));
            let (one, other) = (dot(&window, &gradient), dot(&canvas, &back));
            assert!((one - other).abs() < 1e-4, "{transformation:?}: {one} and {other}");
        }
    }

    #[test]
    fn random_transformations_stay_in_their_ranges() {
        let settings = Settings { scale: 0.2, rotate: 10.0, ..Settings::default() };
        let of = |step: u64| Transformation::random(&settings, 4, Stream::new(0, &[step]));
        let all: Vec<Transformation> = (0..400).map(of).collect();
        let extremes = |value: fn(&Transformation) -> f32| {
            all.iter().map(value).fold([f32::INFINITY, f32::NEG_INFINITY], |[low, high], value| {
                [low.min(value), high.max(value)]
            })
        };
        assert_eq!(extremes(|it| it.shift[0]), [-4.0, 4.0]);
        assert_eq!(extremes(|it| it.shift[1]), [-4.0, 4.0]);
        let [low, high] = extremes(|it| it.zoom);
        assert!((0.8..0.81).contains(&low) && high <= 1.2 && high > 1.19, "{low} {high}");
        let [low, high] = extremes(|it| it.angle.to_degrees());
        assert!((-10.01..-9.5).contains(&low) && high <= 10.01 && high > 9.5, "{low} {high}");
        assert!(all.iter().all(|it| it.shift.iter().all(|shift| shift.fract() == 0.0)));
    }
}
