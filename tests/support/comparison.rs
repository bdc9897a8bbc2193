//! Comparisons that NaN cannot pass: `f32::max` drops a NaN, so a fold of differences would not see it.

use onnxplain::tensor::Tensor;

/// max|a − b|; infinite where a number of either side is NaN or infinite.
pub fn worst_error<T: Copy + Into<f64>>(a: &[T], b: &[T]) -> f64 {
    assert_eq!(a.len(), b.len(), "two lists of one length can be compared");
    let errors = a.iter().zip(b).map(|(&a, &b)| (a.into() - b.into()).abs());
    errors.map(|error| if error.is_nan() { f64::INFINITY } else { error }).fold(0.0, f64::max)
}

/// max|a|; infinite where a number is NaN.
pub fn largest<T: Copy + Into<f64>>(a: &[T]) -> f64 {
    let magnitudes = a.iter().map(|&a| a.into().abs());
    magnitudes.map(|a| if a.is_nan() { f64::INFINITY } else { a }).fold(0.0, f64::max)
}

/// max|a − b| / max|b|; infinite where a number of either side is NaN or infinite.
pub fn difference(a: &[f32], b: &[f32]) -> f32 {
    let worst = worst_error(a, b);
    match worst.is_finite() && worst > 0.0 {
        true => (worst / largest(b)) as f32,
        false => worst as f32,
    }
}

/// Fails where a value is further from the expected one than `tolerance` times the largest expected one.
pub fn assert_near(found: &Tensor, expected: &[f32], tolerance: f32) {
    let error = difference(found.data(), expected);
    assert!(error <= tolerance, "wrong by {error:e}: {:?} is not {expected:?}", found.data());
}

#[test]
fn nan_and_infinity_are_no_small_errors() {
    assert_eq!(difference(&[1.0, 0.5], &[1.0, 0.0]), 0.5);
    assert_eq!(difference(&[1.0, 0.0], &[1.0, 0.0]), 0.0);
    assert_eq!(difference(&[0.0], &[0.0]), 0.0);
    assert_eq!(difference(&[1.0], &[0.0]), f32::INFINITY);
    assert_eq!(largest(&[0.5f32, -2.0]), 2.0);
    let bad = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY];
    for value in bad {
        for (a, b) in [([1.0, value, 0.5], [1.0, 0.0, 0.5]), ([1.0, 0.0, 0.5], [1.0, value, 0.5])] {
            assert_eq!(worst_error(&a, &b), f64::INFINITY, "{a:?}, {b:?}");
            assert_eq!(difference(&a, &b), f32::INFINITY, "{a:?}, {b:?}");
        }
        assert_eq!(worst_error(&[value], &[value]), f64::INFINITY);
        assert_eq!(largest(&[1.0, value]), f64::INFINITY);
    }
}

#[test]
#[should_panic(expected = "wrong by inf")]
fn a_tensor_with_nan_is_near_nothing() {
    assert_near(&Tensor::new(&[2], &[1.0, f32::NAN]).unwrap(), &[1.0, 1.0], 1.0);
}

#[test]
#[should_panic(expected = "one length")]
fn lists_of_other_lengths_are_not_compared() {
    worst_error(&[1.0f32], &[1.0, 2.0]);
}
