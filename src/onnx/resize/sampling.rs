//! The places of the input that every place of the output reads, with their weights, along one axis.

use tract_core::ops::nn::resize::{AxisPlan, Interpolator};
use tract_core::ops::nn::resize::{cubic_weights, linear_weights, plan_axis, window_size};

use super::place::{Axis, Place, Rounding};

/// How values between pixels are made.
#[derive(Clone, Debug)]
pub(super) struct Sampling {
    pub mode: Interpolator,
    pub place: Place,
    pub rounding: Rounding,
    pub antialias: bool,
    pub excludes_outside: bool,
    pub cubic_coefficient: f32,
}

/// What the places of the output read of an axis.
pub(super) struct Taps {
    /// Place in the input and weight; none where the place lies outside.
    pub taps: Vec<Vec<(usize, f32)>>,
    /// Whether the place lies outside of the picture, where the fill is taken.
    pub is_outside: Vec<bool>,
}

impl Sampling {
    /// Whether rounding decides which pixel is nearest. The offset of `half_pixel_symmetric` is the only one that is a
    /// difference of numbers next to each other.
    pub fn is_undecided(&self, axis: Axis) -> bool {
        let is_offset = axis.output as f32 != axis.factor * axis.input as f32;
        let reads = self.place == Place::HalfPixelSymmetric && self.mode == Interpolator::Nearest;
        let edge = match self.rounding {
            Rounding::Floor | Rounding::Ceil => 0.0,
            Rounding::PreferFloor | Rounding::PreferCeil => 0.5,
        };
        let is_on_edge = |at: usize| {
            let place = self.place.of(at, axis) - edge;
            let inside = (-0.5..axis.input as f32 - 0.5).contains(&place);
            inside && (place - place.round()).abs() < 1e-6 * axis.input as f32
        };
        reads && is_offset && (0..axis.output).any(is_on_edge)
    }

    /// The places that every place of the output reads; `None` for those that lie outside.
    fn plan(&self, axis: Axis) -> AxisPlan {
        let window = window_size(&self.mode, self.antialias, axis.factor);
        let place = |at| {
            let place = self.place.of(at, axis);
            let is_inside = (0.0..=axis.input as f32 - 1.0).contains(&place);
            (self.place != Place::CropAndResize || is_inside).then_some(place)
        };
        let (antialias, a) = (self.antialias, self.cubic_coefficient);
        let plan = |place: &dyn Fn(usize) -> Option<f32>, weights: &dyn Fn(f32, &mut [f32])| {
            plan_axis(axis.input, axis.output, window, self.excludes_outside, place, weights)
        };
        match self.mode {
            Interpolator::Linear => {
                plan(&place, &|r, w| linear_weights(r, axis.factor, antialias, w))
            }
            Interpolator::Cubic => {
                plan(&place, &|r, w| cubic_weights(r, axis.factor, a, antialias, w))
            }
            Interpolator::Nearest => {
                let nearest = |at| Some(self.rounding.of(place(at)?, axis.input) as f32);
                // A place that is a whole number is the right one of two.
                plan(&nearest, &|_, w| w.copy_from_slice(&[0.0, 1.0]))
            }
        }
    }

    /// What the places of the output read.
    pub fn taps(&self, axis: Axis) -> Taps {
        let plan = self.plan(axis);
        Taps { taps: taps(&plan), is_outside: plan.extrapolated }
    }
}

/// The weights of a plan, those of the same place added up.
fn taps(plan: &AxisPlan) -> Vec<Vec<(usize, f32)>> {
    let of_output = |(indices, weights): (&[usize], &[f32])| {
        let mut taps: Vec<(usize, f32)> = vec![];
        for (&index, &weight) in indices.iter().zip(weights) {
            match taps.iter_mut().find(|tap| tap.0 == index) {
                Some(tap) => tap.1 += weight,
                None => taps.push((index, weight)),
            }
        }
        taps.retain(|tap| tap.1.abs() > 1e-7);
        taps
    };
    let windows = plan.indices.chunks(plan.window).zip(plan.weights.chunks(plan.window));
    let taps = windows.map(of_output).zip(&plan.extrapolated);
    taps.map(|(taps, &is_outside)| if is_outside { vec![] } else { taps }).collect()
}
