//! Every instruction set against arithmetic on single floats.

use std::array::from_fn;

use super::*;

/// Zeros, infinities, NaN and ordinary numbers.
const SPECIAL: [f32; 9] =
    [0.0, -0.0, 0.25, -0.25, 3.0, -1e30, f32::INFINITY, f32::NEG_INFINITY, f32::NAN];

/// Equal, or both NaN; zeros of different signs differ.
fn assert_same(got: F32x16, expected: F32x16, what: &str, isa: Isa) {
    for lane in 0..LANES {
        let (got, expected) = (got[lane], expected[lane]);
        let is_same = got.to_bits() == expected.to_bits() || (got.is_nan() && expected.is_nan());
        assert!(is_same, "{what} with {isa:?}: {got} is not {expected}");
    }
}

/// Results of every operation on three vectors.
struct Operations([F32x16; 3]);

impl SimdLoop for Operations {
    type Output = Vec<(&'static str, F32x16)>;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> Self::Output {
        let [a, b, c] = self.0.map(|numbers| simd.load(&numbers));
        let results = [
            ("add", simd.add(a, b)),
            ("subtract", simd.subtract(a, b)),
            ("multiply", simd.multiply(a, b)),
            ("divide", simd.divide(a, b)),
            ("multiply_add", simd.multiply_add(a, b, c)),
            ("subtract_product", simd.subtract_product(c, a, b)),
            ("absolute", simd.absolute(a)),
            ("where_greater", simd.where_greater(a, b, [a, c])),
            ("larger", simd.larger(a, b)),
            ("smaller", simd.smaller(a, b)),
            ("where_equal", simd.where_equal(a, b, [simd.splat(1.0), c])),
        ];
        let mut numbers = vec![];
        for (what, vector) in results {
            let mut lanes = [f32::NAN; LANES];
            simd.store(vector, &mut lanes);
            numbers.push((what, lanes));
        }
        numbers
    }
}

#[test]
fn lanes_are_computed_like_single_floats() {
    for isa in Isa::all() {
        for shift in 0..SPECIAL.len() {
            let a: F32x16 = from_fn(|lane| SPECIAL[lane % SPECIAL.len()]);
            let b: F32x16 = from_fn(|lane| SPECIAL[(lane + shift) % SPECIAL.len()]);
            let c: F32x16 = from_fn(|lane| SPECIAL[(lane * 2 + shift) % SPECIAL.len()]);
            let each = |function: fn(f32, f32, f32) -> f32| -> F32x16 {
                from_fn(|lane| function(a[lane], b[lane], c[lane]))
            };
            let expected = [
                each(|a, b, _| a + b),
                each(|a, b, _| a - b),
                each(|a, b, _| a * b),
                each(|a, b, _| a / b),
                each(|a, b, c| a.mul_add(b, c)),
                each(|a, b, c| (-a).mul_add(b, c)),
                each(|a, _, _| a.abs()),
                each(|a, b, c| if a > b { a } else { c }),
                each(|a, b, _| if a > b { a } else { b }),
                each(|a, b, _| if a < b { a } else { b }),
                each(|a, b, c| if a == b { 1.0 } else { c }),
            ];
            for ((what, got), expected) in isa.run(Operations([a, b, c])).into_iter().zip(expected)
            {
                assert_same(got, expected, what, isa);
            }
        }
    }
}

/// Sums of `numbers` and of their absolute values.
struct AddUp<'a>(&'a [F32x16]);

impl SimdLoop for AddUp<'_> {
    type Output = SumPair;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> SumPair {
        let mut sums = SumPair::default();
        for numbers in self.0 {
            let numbers = simd.load(numbers);
            sums.add_vectors(simd, [numbers, simd.absolute(numbers)]);
        }
        sums
    }
}

#[test]
fn sums_are_double() {
    // A float would lose every number behind the first one.
    let numbers: Vec<F32x16> =
        (0..100).map(|at| [if at == 0 { 1e9 } else { -1.0 }; LANES]).collect();
    for isa in Isa::all() {
        let [sum, magnitude] = isa.run(AddUp(&numbers)).sums();
        assert_eq!([sum, magnitude], [16.0 * (1e9 - 99.0), 16.0 * (1e9 + 99.0)], "{isa:?}");
    }
}

/// `(x + 1) · 3 − 2 x`, computed with doubles.
struct Doubles<'a>(&'a [f32; 8], &'a mut [f32; 8]);

impl SimdLoop for Doubles<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let x = simd.load_doubles(self.0);
        let sum = simd.add_doubles(x, simd.splat_doubles(1.0));
        let product = simd.multiply_doubles(sum, simd.splat_doubles(3.0));
        let twice = simd.multiply_doubles(x, simd.splat_doubles(2.0));
        simd.store_doubles(simd.subtract_doubles(product, twice), self.1);
    }
}

#[test]
fn doubles_are_rounded_at_the_end() {
    // 3 (x + 1) rounds as a float.
    let numbers = from_fn(|lane| 16_777_216.0 + 2.0 * lane as f32);
    for isa in Isa::all() {
        let mut results = [f32::NAN; 8];
        isa.run(Doubles(&numbers, &mut results));
        let expected = numbers.map(|x| ((f64::from(x) + 1.0) * 3.0 - 2.0 * f64::from(x)) as f32);
        assert_eq!(results, expected, "{isa:?}");
    }
}

/// Transposes rows of eleven floats, the third column being left out.
struct Transpose<'a>(&'a [f32], Option<&'a [f32; SQUARE]>, &'a mut [f32]);

impl SimdLoop for Transpose<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let places = from_fn(|column| (column != 2).then_some(column * 9));
        simd.transpose((self.0, 11), self.1, self.2, places);
    }
}

#[test]
fn squares_are_transposed() {
    let numbers: Vec<f32> = (0..11 * 8).map(|n| n as f32).collect();
    let bias = from_fn(|column| column as f32 * 100.0);
    for (isa, bias) in Isa::all().into_iter().flat_map(|isa| [(isa, None), (isa, Some(&bias))]) {
        let mut columns = vec![-1.0; 9 * 8];
        isa.run(Transpose(&numbers, bias, &mut columns));
        for (at, &number) in columns.iter().enumerate() {
            let (column, row) = (at / 9, at % 9);
            let expected = numbers
                .get(row * 11 + column)
                .map_or(-1.0, |number| number + bias.map_or(0.0, |bias| bias[column]));
            let is_written = column != 2 && row < SQUARE;
            assert_eq!(number, if is_written { expected } else { -1.0 }, "{isa:?} {at}");
        }
    }
}

#[test]
fn names_are_known() {
    for isa in Isa::all() {
        assert_eq!(Isa::named(isa.name()), Ok(isa));
    }
    let error = Isa::named("sse9").unwrap_err().to_string();
    assert!(error.starts_with("ONNXPLAIN_ISA=sse9: ") && error.ends_with("portable"), "{error}");
}
