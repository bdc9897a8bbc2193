//! What metrics of localisation share: the object, and relevance inside it.

use anyhow::Result;

use crate::metric::map::Map;
use crate::metric::mask::Mask;
use crate::metric::subject::Subject;
use crate::metric::undefined::undefined;

/// The target's object, which has at least a pixel.
pub(super) fn object(subject: &Subject) -> Result<Mask> {
    let picture = subject.picture();
    let object = picture.beside().object(picture.target())?;
    match object.area() {
        0 => undefined("the mask is empty"),
        _ => Ok(object),
    }
}

/// Σ_inside h⁺ / Σ h⁺.
///
/// # Errors
/// Undefined where the map has no positive relevance.
pub fn positive_share(map: &Map, inside: &[bool]) -> Result<f64> {
    let positive = || map.values().iter().map(|value| value.max(0.0));
    let sum: f64 = positive().sum();
    if sum == 0.0 {
        return undefined("the map has no positive relevance");
    }
    let inside = positive().zip(inside).filter(|(_, inside)| **inside).map(|(value, _)| value);
    // Of nothing but positive numbers, but for rounding.
    Ok((inside.sum::<f64>() / sum).min(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_positive_relevance_counts() {
        let share = |values: &[f64], inside: &[bool]| {
            positive_share(&Map::new(values.to_vec(), 1, values.len()).unwrap(), inside)
        };
        let inside = [true, false, true];
        assert_eq!(share(&[1.0, 3.0, -5.0], &inside).unwrap(), 0.25);
        assert_eq!(share(&[1.0, -3.0, 2.0], &inside).unwrap(), 1.0);
        assert!(share(&[-1.0, 0.0, -2.0], &inside).is_err());
    }
}
