//! What is optimised: the numbers that a picture is made of.
//!
//! ```text
//! parameters ─ basis ─▶ planes ─ correlate ─▶ colours ─ logistic ─▶ picture
//!            frequencies                red, green, blue    0..1
//!            or pixels
//! ```
//!
//! The gradient goes the same way back: every step has its exact derivative.

use super::colour::Colour;
use super::fourier::Fourier;
use super::settings::Basis;
use crate::random::Stream;

/// Parameters at the start: N(0, σ²), which makes an almost even grey.
const START: f32 = 0.01;

/// Values of a picture that it begins with are kept so far from 0 and 1, where the logistic function is flat.
const FROM_ENDS: f32 = 0.02;

/// The way from parameters to a picture: planes of 0..1 behind each other, in the order of their colours.
pub(super) struct Parametrization {
    channels: usize,
    /// Pixels of a plane.
    pixels: usize,
    /// `None`: pixels.
    fourier: Option<Fourier>,
    colour: Colour,
}

impl Parametrization {
    /// That of pictures of so many channels and of this `[height, width]`.
    pub fn new(basis: Basis, channels: usize, [height, width]: [usize; 2]) -> Parametrization {
        let fourier = match basis {
            Basis::Fourier => Some(Fourier::new(height, width)),
            Basis::Pixels => None,
        };
        let colour = Colour::of(channels);
        Parametrization { channels, pixels: height * width, fourier, colour }
    }

    /// Parameters of a plane.
    fn plane_length(&self) -> usize {
        self.fourier.as_ref().map_or(self.pixels, Fourier::parameter_count)
    }

    /// Parameters of an almost even grey.
    pub fn noise(&self, stream: Stream) -> Vec<f32> {
        let mut parameters = vec![0.0; self.channels * self.plane_length()];
        stream.normals(&mut parameters, |value, normal| *value = START * normal);
        parameters
    }

    /// Parameters of a picture, but for values near 0 and 1.
    pub fn of_picture(&self, picture: &[f32]) -> Vec<f32> {
        let bounded = picture.iter().map(|value| value.clamp(FROM_ENDS, 1.0 - FROM_ENDS));
        let mut planes: Vec<f32> = bounded.map(|value| libm::logf(value / (1.0 - value))).collect();
        self.colour.decorrelate(&mut planes);
        let Some(fourier) = &self.fourier else { return planes };
        let mut parameters = vec![0.0; self.channels * self.plane_length()];
        let of_planes = parameters.chunks_mut(self.plane_length());
        for (plane, parameters) in planes.chunks(self.pixels).zip(of_planes) {
            fourier.analyze(plane, parameters);
        }
        parameters
    }

    /// The picture.
    pub fn picture(&self, parameters: &[f32]) -> Vec<f32> {
        let mut planes = match &self.fourier {
            None => parameters.to_vec(),
            Some(fourier) => {
                let mut planes = vec![0.0; self.channels * self.pixels];
                let of_planes = parameters.chunks(self.plane_length());
                for (plane, parameters) in planes.chunks_mut(self.pixels).zip(of_planes) {
                    fourier.synthesize(parameters, plane);
                }
                planes
            }
        };
        self.colour.correlate(&mut planes);
        planes.iter_mut().for_each(|value| *value = 1.0 / (1.0 + libm::expf(-*value)));
        planes
    }

    /// The gradient by the parameters, of that by the values of the picture that they make.
    pub fn transposed(&self, picture: &[f32], mut gradient: Vec<f32>) -> Vec<f32> {
        for (slope, value) in gradient.iter_mut().zip(picture) {
            *slope *= value * (1.0 - value);
        }
        self.colour.transposed(&mut gradient);
        let Some(fourier) = &self.fourier else { return gradient };
        let mut parameters = vec![0.0; self.channels * self.plane_length()];
        let of_planes = parameters.chunks_mut(self.plane_length());
        for (plane, parameters) in gradient.chunks(self.pixels).zip(of_planes) {
            fourier.transposed(plane, parameters);
        }
        parameters
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normals(seed: u64, count: usize) -> Vec<f32> {
        let mut values = vec![0.0; count];
        Stream::new(seed, &[]).normals(&mut values, |value, normal| *value = normal);
        values
    }

    #[test]
    fn derivatives_are_those_of_finite_differences() {
        for (basis, channels) in
            [(Basis::Fourier, 3), (Basis::Fourier, 1), (Basis::Pixels, 3), (Basis::Pixels, 1)]
        {
            let way = Parametrization::new(basis, channels, [6, 7]);
            let parameters = normals(1, way.channels * way.plane_length());
            let weights = normals(2, channels * 42);
            let value = |parameters: &[f32]| -> f64 {
                let picture = way.picture(parameters);
                let products = picture.iter().zip(&weights);
                products.map(|(value, weight)| f64::from(*value) * f64::from(*weight)).sum()
            };
            let gradient = way.transposed(&way.picture(&parameters), weights.clone());
            let largest = gradient.iter().fold(0.0f32, |most, slope| most.max(slope.abs()));
            for place in (0..parameters.len()).step_by(5) {
                let mut moved = [parameters.clone(), parameters.clone()];
                moved[0][place] += 1e-2;
                moved[1][place] -= 1e-2;
                let expected = (value(&moved[0]) - value(&moved[1])) / 2e-2;
                let difference = (f64::from(gradient[place]) - expected).abs();
                assert!(
                    difference <= 2e-3 * f64::from(largest),
                    "{basis:?} {channels} {place}: {}, not {expected}",
                    gradient[place]
                );
            }
        }
    }

    #[test]
    fn a_picture_comes_back_from_its_parameters() {
        for basis in [Basis::Fourier, Basis::Pixels] {
            let way = Parametrization::new(basis, 3, [5, 4]);
            let picture: Vec<f32> = (0..60).map(|place| place as f32 / 59.0).collect();
            let again = way.picture(&way.of_picture(&picture));
            for (before, after) in picture.iter().zip(&again) {
                let expected = before.clamp(FROM_ENDS, 1.0 - FROM_ENDS);
                assert!((expected - after).abs() < 1e-3, "{basis:?}: {expected}, {after}");
            }
        }
    }

    #[test]
    fn the_start_is_almost_grey_and_depends_on_the_seed() {
        let way = Parametrization::new(Basis::Fourier, 3, [32, 32]);
        let start = |seed| way.picture(&way.noise(Stream::new(seed, &[])));
        let picture = start(0);
        let worst = picture.iter().map(|value| (value - 0.5).abs()).fold(0.0, f32::max);
        assert!(worst > 0.0 && worst < 0.1, "{worst}");
        assert!(picture == start(0) && picture != start(1));
    }
}
