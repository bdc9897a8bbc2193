//! Eigenvalues of small dense symmetric matrices.
//!
//! Householder's reduction to a tridiagonal matrix and the implicit QL method (EISPACK's tred2 and tql2; Wilkinson and
//! Reinsch 1971). `faer` has this and more, but turns on features of `num-complex` that would build tract another time;
//! the matrices here have at most 400 rows.

/// The eigenvalues of a matrix, ascending, and its eigenvectors in the same order.
pub(super) struct Eigen {
    pub values: Vec<f64>,
    pub vectors: Vec<Vec<f64>>,
}

/// Iterations for one eigenvalue; two or three are usual.
const MOST_ITERATIONS: usize = 60;

/// Takes a symmetric matrix of `n` rows apart. Vectors have length 1; their largest entry is positive.
pub(super) fn eigen(matrix: &[f64], n: usize) -> Eigen {
    let mut z: Vec<Vec<f64>> = matrix.chunks_exact(n.max(1)).map(<[f64]>::to_vec).collect();
    let (mut d, mut e) = reduce(&mut z);
    diagonalize(&mut d, &mut e, &mut z);
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&a, &b| d[a].total_cmp(&d[b]).then(a.cmp(&b)));
    let column = |index: &usize| {
        let mut vector: Vec<f64> = z.iter().map(|row| row[*index]).collect();
        fix_sign(&mut vector);
        vector
    };
    Eigen {
        values: order.iter().map(|&index| d[index]).collect(),
        vectors: order.iter().map(column).collect(),
    }
}

/// Turns a vector so that its largest entry is positive: of equal ones the first.
pub(super) fn fix_sign(vector: &mut [f64]) {
    let mut largest = 0.0_f64;
    for value in vector.iter() {
        // Rounding must not decide between entries that are equal but for their sign.
        if value.abs() > largest.abs() * (1.0 + 1e-9) {
            largest = *value;
        }
    }
    if largest < 0.0 {
        vector.iter_mut().for_each(|value| *value = -*value);
    }
}

/// Turns `z` into the transformation to tridiagonal form; the diagonal, and below it.
fn reduce(z: &mut [Vec<f64>]) -> (Vec<f64>, Vec<f64>) {
    let n = z.len();
    let (mut d, mut e) = (vec![0.0; n], vec![0.0; n]);
    for i in (1..n).rev() {
        let scale: f64 = z[i][..i].iter().map(|value| value.abs()).sum();
        if i == 1 || scale == 0.0 {
            e[i] = z[i][i - 1];
            d[i] = 0.0;
            continue;
        }
        let (above, below) = z.split_at_mut(i);
        let row = &mut below[0][..i];
        row.iter_mut().for_each(|value| *value /= scale);
        let mut h: f64 = row.iter().map(|value| value * value).sum();
        let f = row[i - 1];
        let g = if f >= 0.0 { -h.sqrt() } else { h.sqrt() };
        e[i] = scale * g;
        h -= f * g;
        row[i - 1] = f - g;
        let mut sum = 0.0;
        for j in 0..i {
            above[j][i] = row[j] / h;
            let before: f64 = (0..=j).map(|k| above[j][k] * row[k]).sum();
            let after: f64 = (j + 1..i).map(|k| above[k][j] * row[k]).sum();
            e[j] = (before + after) / h;
            sum += e[j] * row[j];
        }
        let half = sum / (h + h);
        for j in 0..i {
            let f = row[j];
            e[j] -= half * f;
            let g = e[j];
            for k in 0..=j {
                above[j][k] -= f * e[k] + g * row[k];
            }
        }
        d[i] = h;
    }
    accumulate(z, &mut d);
    (d, e)
}

/// Multiplies the reflections.
fn accumulate(z: &mut [Vec<f64>], d: &mut [f64]) {
    let n = z.len();
    for i in 0..n {
        let (above, below) = z.split_at_mut(i);
        let row = &mut below[0];
        if i > 0 && d[i] != 0.0 {
            let mut products = vec![0.0; i];
            for (factor, other) in row.iter().zip(above.iter()) {
                products.iter_mut().zip(other).for_each(|(sum, value)| *sum += factor * value);
            }
            for other in above.iter_mut() {
                let factor = other[i];
                let values = other.iter_mut().zip(&products);
                values.for_each(|(value, product)| *value -= product * factor);
            }
        }
        d[i] = row[i];
        row[i] = 1.0;
        row[..i].fill(0.0);
        above.iter_mut().for_each(|other| other[i] = 0.0);
    }
}

/// The implicit QL method.
fn diagonalize(d: &mut [f64], e: &mut [f64], z: &mut [Vec<f64>]) {
    let n = d.len();
    e.rotate_left(1.min(n));
    if let Some(last) = e.last_mut() {
        *last = 0.0;
    }
    for l in 0..n {
        for _ in 0..MOST_ITERATIONS {
            let is_small =
                |m: &usize| e[*m].abs() <= f64::EPSILON * (d[*m].abs() + d[*m + 1].abs());
            let m = (l..n - 1).find(is_small).unwrap_or(n - 1);
            if m == l {
                break;
            }
            rotate(d, e, z, l, m);
        }
    }
}

/// One step of the QL method on the rows from `l` to `m`.
fn rotate(d: &mut [f64], e: &mut [f64], z: &mut [Vec<f64>], l: usize, m: usize) {
    let g = (d[l + 1] - d[l]) / (2.0 * e[l]);
    let r = g.hypot(1.0);
    let mut g = d[m] - d[l] + e[l] / (g + if g >= 0.0 { r } else { -r });
    let (mut s, mut c, mut p) = (1.0, 1.0, 0.0);
    for i in (l..m).rev() {
        let (f, b) = (s * e[i], c * e[i]);
        let r = f.hypot(g);
        e[i + 1] = r;
        if r == 0.0 {
            d[i + 1] -= p;
            e[m] = 0.0;
            return;
        }
        (s, c) = (f / r, g / r);
        g = d[i + 1] - p;
        let r = (d[i] - g) * s + 2.0 * c * b;
        p = s * r;
        d[i + 1] = g + p;
        g = c * r - b;
        for row in z.iter_mut() {
            let (left, right) = (row[i], row[i + 1]);
            row[i + 1] = s * left + c * right;
            row[i] = c * left - s * right;
        }
    }
    d[l] -= p;
    e[l] = g;
    e[m] = 0.0;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Stream;

    #[test]
    fn a_matrix_is_put_together_again() {
        for n in [1_usize, 2, 3, 17, 60] {
            let value = |row: usize, column: usize| {
                let (low, high) = (row.min(column), row.max(column));
                f64::from(Stream::new(5, &[]).uniform((low * n + high) as u64)) - 0.5
            };
            let matrix: Vec<f64> = (0..n * n).map(|index| value(index / n, index % n)).collect();
            let Eigen { values, vectors } = eigen(&matrix, n);
            assert!(values.is_sorted());
            for row in 0..n {
                for column in 0..n {
                    let term =
                        |index: usize| values[index] * vectors[index][row] * vectors[index][column];
                    let sum: f64 = (0..n).map(term).sum();
                    assert!((sum - matrix[row * n + column]).abs() < 1e-12, "{n}: {sum}");
                }
            }
        }
    }

    #[test]
    fn equal_eigenvalues_have_vectors_at_right_angles() {
        let n = 6;
        let mut matrix = vec![1.0; n * n];
        (0..n).for_each(|index| matrix[index * n + index] = 3.0);
        let Eigen { values, vectors } = eigen(&matrix, n);
        for (value, expected) in values.iter().zip([2.0, 2.0, 2.0, 2.0, 2.0, 8.0]) {
            assert!((value - expected).abs() < 1e-13);
        }
        for (a, one) in vectors.iter().enumerate() {
            for (b, other) in vectors.iter().enumerate() {
                let product: f64 = one.iter().zip(other).map(|(a, b)| a * b).sum();
                assert!((product - f64::from(u8::from(a == b))).abs() < 1e-13);
            }
        }
        assert!(eigen(&[], 0).values.is_empty());
    }

    #[test]
    fn signs_are_fixed() {
        let mut vector = [0.5, -0.75, 0.25];
        fix_sign(&mut vector);
        assert_eq!(vector, [-0.5, 0.75, -0.25]);
        let mut equal = [-0.5, 0.5];
        fix_sign(&mut equal);
        assert_eq!(equal, [0.5, -0.5]);
    }
}
