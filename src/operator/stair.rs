//! Step functions: rounding, signs, tests. Their derivative is 0 wherever it exists.

/// A step function.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Stair {
    /// The largest whole number that is not above `x`.
    Floor,
    /// The smallest whole number that is not below `x`.
    Ceil,
    /// The nearest whole number; the even one of two.
    Round,
    /// `x` without its decimals.
    Truncate,
    /// The nearest whole number. Its derivative is taken as 1, as if it did not round (the straight-through estimator,
    /// Bengio et al. 2013): for quantised networks.
    RoundStraightThrough,
    /// −1, 0 or 1.
    Sign,
    /// 1 if `x` is 0, otherwise 0.
    Not,
    /// 1 if `x` is NaN, otherwise 0.
    IsNan,
    /// 1 if `x` is infinite, otherwise 0. The fields say whether ∞ and −∞ count.
    IsInfinite(bool, bool),
}

impl Stair {
    /// The value at `x`.
    pub fn value(self, x: f32) -> f32 {
        match self {
            Stair::Floor => x.floor(),
            Stair::Ceil => x.ceil(),
            Stair::Round | Stair::RoundStraightThrough => x.round_ties_even(),
            Stair::Truncate => x.trunc(),
            Stair::Sign if x == 0.0 || x.is_nan() => x,
            Stair::Sign => x.signum(),
            Stair::Not => f32::from(x == 0.0),
            Stair::IsNan => f32::from(x.is_nan()),
            Stair::IsInfinite(above, below) => {
                f32::from((above && x == f32::INFINITY) || (below && x == f32::NEG_INFINITY))
            }
        }
    }

    /// The derivative, which is the same everywhere.
    pub fn derivative(self) -> f32 {
        if self == Stair::RoundStraightThrough { 1.0 } else { 0.0 }
    }

    /// The range of the values over an interval.
    pub fn bounds(self, low: f32, high: f32) -> (f32, f32) {
        match self {
            Stair::Not | Stair::IsNan | Stair::IsInfinite(..) => (0.0, 1.0),
            _ => (self.value(low), self.value(high)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_and_slopes() {
        let of = |stair: Stair| [-2.5, -0.4, 0.0, 1.5, 2.5].map(|x| stair.value(x));
        assert_eq!(of(Stair::Floor), [-3.0, -1.0, 0.0, 1.0, 2.0]);
        assert_eq!(of(Stair::Ceil), [-2.0, 0.0, 0.0, 2.0, 3.0]);
        assert_eq!(of(Stair::Round), [-2.0, 0.0, 0.0, 2.0, 2.0]);
        assert_eq!(of(Stair::Truncate), [-2.0, 0.0, 0.0, 1.0, 2.0]);
        assert_eq!(of(Stair::Sign), [-1.0, -1.0, 0.0, 1.0, 1.0]);
        assert_eq!(of(Stair::Not), [0.0, 0.0, 1.0, 0.0, 0.0]);
        assert_eq!(Stair::IsNan.value(f32::NAN), 1.0);
        assert_eq!(Stair::IsInfinite(true, false).value(f32::NEG_INFINITY), 0.0);
        assert_eq!(Stair::Round.derivative(), 0.0);
        assert_eq!(Stair::RoundStraightThrough.derivative(), 1.0);
        assert_eq!(Stair::Floor.bounds(-0.5, 2.5), (-1.0, 2.0));
    }
}
