//! Where a path integral over 0..1 is sampled, and with which weights.

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

/// A rule of numerical integration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Quadrature {
    /// Gauss and Legendre: the most exact for smooth functions; captum's default.
    #[default]
    GaussLegendre,
    /// The right ends of even intervals: the paper's, and zennit's.
    RiemannRight,
    /// The middles of even intervals.
    RiemannMiddle,
}

impl Quadrature {
    /// All of them.
    pub const ALL: [Quadrature; 3] =
        [Quadrature::GaussLegendre, Quadrature::RiemannRight, Quadrature::RiemannMiddle];

    /// The word on the command line and in reports.
    pub fn word(self) -> &'static str {
        match self {
            Quadrature::GaussLegendre => "gauss-legendre",
            Quadrature::RiemannRight => "riemann-right",
            Quadrature::RiemannMiddle => "riemann-middle",
        }
    }

    /// The most places: those of Gauss and Legendre take time with the square of their number to compute.
    pub(super) fn most_nodes(self) -> usize {
        match self {
            Quadrature::GaussLegendre => 5_000,
            _ => usize::MAX,
        }
    }

    /// Places between 0 and 1, each with its weight; the weights add up to 1.
    pub(super) fn nodes(self, count: usize) -> Vec<(f64, f64)> {
        let step = 1.0 / count as f64;
        match self {
            Quadrature::GaussLegendre => gauss_legendre(count),
            Quadrature::RiemannRight => {
                (1..=count).map(|index| (index as f64 * step, step)).collect()
            }
            Quadrature::RiemannMiddle => {
                (0..count).map(|index| ((index as f64 + 0.5) * step, step)).collect()
            }
        }
    }
}

/// The roots of the Legendre polynomial, by Newton's method, moved from −1..1 to 0..1.
fn gauss_legendre(count: usize) -> Vec<(f64, f64)> {
    let node = |index: usize| {
        let mut x = (PI * (index as f64 + 0.75) / (count as f64 + 0.5)).cos();
        let mut slope = 1.0;
        // Newton doubles the digits; from this start four rounds reach f64's, and more change nothing.
        for _ in 0..8 {
            let (value, derivative) = legendre(count, x);
            slope = derivative;
            x -= value / derivative;
        }
        ((1.0 - x) / 2.0, 1.0 / ((1.0 - x * x) * slope * slope))
    };
    (0..count).map(node).collect()
}

/// The Legendre polynomial of degree `count` and its derivative.
fn legendre(count: usize, x: f64) -> (f64, f64) {
    let (mut before, mut value) = (1.0, x);
    for degree in 2..=count {
        let degree = degree as f64;
        (before, value) =
            (value, ((2.0 * degree - 1.0) * x * value - (degree - 1.0) * before) / degree);
    }
    (value, count as f64 * (x * value - before) / (x * x - 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gauss_legendre_is_exact_for_polynomials_of_twice_the_degree() {
        for count in [1, 2, 5, 50] {
            let nodes = gauss_legendre(count);
            let power = 2 * count as i32 - 1;
            let integral: f64 = nodes.iter().map(|(x, weight)| weight * x.powi(power)).sum();
            let exact = 1.0 / f64::from(power + 1);
            assert!((integral - exact).abs() < 1e-13, "{count}: {integral} is not {exact}");
            assert!(nodes.windows(2).all(|pair| pair[0].0 < pair[1].0));
        }
    }

    #[test]
    fn the_weights_add_up_to_one() {
        for quadrature in Quadrature::ALL {
            let sum: f64 = quadrature.nodes(7).iter().map(|(_, weight)| weight).sum();
            assert!((sum - 1.0).abs() < 1e-14, "{quadrature:?}");
        }
        assert_eq!(Quadrature::RiemannRight.nodes(2), [(0.5, 0.5), (1.0, 0.5)]);
        assert_eq!(Quadrature::RiemannMiddle.nodes(2), [(0.25, 0.5), (0.75, 0.5)]);
    }
}
