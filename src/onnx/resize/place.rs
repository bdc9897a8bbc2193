//! Which place of the input a place of the output stands for, and which pixel is nearest to it.

use tract_hir::internal::*;

/// Which place of the input a place of the output stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    HalfPixel,
    HalfPixelSymmetric,
    PytorchHalfPixel,
    TensorflowHalfPixel,
    AlignCorners,
    Asymmetric,
    CropAndResize,
}

/// An axis: how long it is and becomes, by which factor, and which part of it is taken.
#[derive(Clone, Copy, Debug)]
pub(super) struct Axis {
    pub input: usize,
    pub output: usize,
    pub factor: f32,
    /// Begin and end, as shares of the length.
    pub region: (f32, f32),
}

impl Place {
    pub fn parse(word: &str) -> TractResult<Place> {
        Ok(match word {
            "half_pixel" => Place::HalfPixel,
            "half_pixel_symmetric" => Place::HalfPixelSymmetric,
            "pytorch_half_pixel" => Place::PytorchHalfPixel,
            "tf_half_pixel_for_nn" => Place::TensorflowHalfPixel,
            "align_corners" => Place::AlignCorners,
            "asymmetric" => Place::Asymmetric,
            "tf_crop_and_resize" => Place::CropAndResize,
            other => bail!("the coordinate_transformation_mode {other} of a Resize"),
        })
    }

    /// The place in the input, in the order of operations of onnxruntime: a rounding decides which pixel is nearest.
    pub fn of(self, at: usize, axis: Axis) -> f32 {
        let Axis { input, output, factor, region: (begin, end) } = axis;
        let (at, length, resized) = (at as f32, input as f32, output as f32);
        let middle = (at + 0.5) / factor - 0.5;
        match self {
            Place::HalfPixel => middle,
            Place::HalfPixelSymmetric => {
                let adjustment = resized / (factor * length);
                let offset = f64::from(length / 2.0 * (1.0 - adjustment));
                (offset + (f64::from(at) + 0.5) / f64::from(factor) - 0.5) as f32
            }
            Place::PytorchHalfPixel if output > 1 => middle,
            Place::PytorchHalfPixel => 0.0,
            Place::TensorflowHalfPixel => (at + 0.5) / factor,
            Place::AlignCorners if output == 1 => 0.0,
            Place::AlignCorners => at * (length - 1.0) / (resized - 1.0),
            Place::Asymmetric => at / factor,
            Place::CropAndResize if output > 1 => {
                begin * (length - 1.0) + at * (end - begin) * (length - 1.0) / (resized - 1.0)
            }
            Place::CropAndResize => 0.5 * (begin + end) * (length - 1.0),
        }
    }
}

/// Which pixel is nearest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rounding {
    Floor,
    Ceil,
    PreferFloor,
    PreferCeil,
}

impl Rounding {
    pub fn parse(word: &str) -> TractResult<Rounding> {
        Ok(match word {
            "floor" => Rounding::Floor,
            "ceil" => Rounding::Ceil,
            "round_prefer_floor" => Rounding::PreferFloor,
            "round_prefer_ceil" => Rounding::PreferCeil,
            other => bail!("the nearest_mode {other} of a Resize"),
        })
    }

    pub fn of(self, place: f32, length: usize) -> usize {
        let rounded = match self {
            Rounding::Floor => place.floor(),
            Rounding::Ceil => place.ceil(),
            Rounding::PreferFloor => (place - 0.5).ceil(),
            Rounding::PreferCeil => (place + 0.5).floor(),
        };
        rounded.clamp(0.0, length as f32 - 1.0) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(input: usize, output: usize) -> Axis {
        Axis { input, output, factor: output as f32 / input as f32, region: (0.0, 1.0) }
    }

    #[test]
    fn a_place_in_the_middle_of_two_pixels_is_rounded_as_the_file_says() {
        let of = |rounding: Rounding| [0.5, 1.5, -0.5, 9.0].map(|place| rounding.of(place, 3));
        assert_eq!(of(Rounding::Floor), [0, 1, 0, 2]);
        assert_eq!(of(Rounding::Ceil), [1, 2, 0, 2]);
        assert_eq!(of(Rounding::PreferFloor), [0, 1, 0, 2]);
        assert_eq!(of(Rounding::PreferCeil), [1, 2, 0, 2]);
    }

    #[test]
    fn places_follow_their_formulas() {
        let of = |place: Place| (0..4).map(|at| place.of(at, axis(2, 4))).collect::<Vec<f32>>();
        assert_eq!(of(Place::HalfPixel), [-0.25, 0.25, 0.75, 1.25]);
        assert_eq!(of(Place::HalfPixelSymmetric), [-0.25, 0.25, 0.75, 1.25]);
        assert_eq!(of(Place::AlignCorners), [0.0, 1.0 / 3.0, 2.0 / 3.0, 1.0]);
        assert_eq!(of(Place::Asymmetric), [0.0, 0.5, 1.0, 1.5]);
        assert_eq!(Place::PytorchHalfPixel.of(0, axis(5, 1)), 0.0);
        let part = Axis { region: (0.5, 1.0), ..axis(5, 3) };
        assert_eq!([0, 1, 2].map(|at| Place::CropAndResize.of(at, part)), [2.0, 3.0, 4.0]);
    }
}
