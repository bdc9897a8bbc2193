//! Operators that are rewritten before tract reads them.

use super::super::table;
use super::case::case;
use crate::onnx::load::reader;

/// tract computes what does not depend on the input while it reads a file, so that nothing may get there unchecked.
#[test]
fn what_tract_knows_is_checked_or_hidden() {
    let is_checked = |op_type: &str| {
        ["", "ai.onnx.ml", "com.microsoft"].iter().any(|domain| table::is_checked(domain, op_type))
    };
    let reader = reader();
    let mut hidden: Vec<&str> = reader.op_register.0.keys().map(String::as_str).collect();
    hidden.retain(|op_type| !is_checked(op_type));
    hidden.sort_unstable();
    let expected = [
        "BatchNormalizationInTraining",
        "BatchNormalizationOfComputed",
        "CategoryMapper",
        "ConstantLike",
        "GatherBlockQuantized",
        "GroupQueryAttention",
        "MatMulNBits",
        "Multinomial",
        "NonMaxSuppression",
        "ParametricSoftplus",
        "TreeEnsembleClassifier",
    ];
    assert_eq!(hidden, expected, "a rule for it, or a line here");
}

#[test]
fn places_of_all_elements() {
    assert_eq!(case("NonZero", &[8, 8]).check_with(18), Ok(None));
    assert!(case("NonZero", &[8000, 8000]).refused().contains("too much memory"));
}

#[test]
fn places_between_pixels() {
    let picture = [1, 2, 6, 5];
    assert_eq!(case("GridSample", &picture).floats(&[1, 3, 4, 2]).shape(), [1, 2, 3, 4]);
    let told = case("GridSample", &picture).floats(&[1, 3, 4, 3]).refused();
    assert!(told.contains("does not fit its input"), "{told}");
    let told = case("GridSample", &[1, 2, 0, 5]).floats(&[1, 3, 4, 2]).refused();
    assert!(told.contains("is empty"), "{told}");
    let theta = || case("AffineGrid", &[2, 2, 3]);
    assert_eq!(theta().whole(&[2, 3, 5, 4]).shape(), [2, 5, 4, 2]);
    assert!(theta().whole(&[2, 3, 5, 0]).refused().contains("each at least 1"));
    assert!(theta().whole(&[2, 3, 1 << 40, 1 << 40]).refused().contains("too much memory"));
    assert!(theta().whole(&[2, 3, 5, 4, 4]).refused().contains("3 x 4"));
    let regions = || case("RoiAlign", &picture).floats(&[3, 4]);
    let bins = regions().whole(&[0, 0, 0]).int("output_height", 2).int("output_width", 7);
    assert_eq!(bins.shape(), [3, 2, 2, 7]);
    assert!(regions().whole(&[0, 1, 0]).refused().contains("picture 1 of 1"));
    let told = regions().whole(&[0, 0, 0]).int("output_height", 0).refused();
    assert!(told.contains("output_height is 0"), "{told}");
    assert!(
        regions().whole(&[0; 3]).int("output_width", 1 << 40).refused().contains("too much memory")
    );
}

#[test]
fn windows_go_back_to_their_places() {
    let offsets =
        |shape: &[usize]| case("DeformConv", &[1, 2, 6, 6]).floats(&[3, 2, 2, 2]).floats(shape);
    assert_eq!(offsets(&[1, 8, 5, 5]).shape(), [1, 3, 5, 5]);
    assert!(offsets(&[1, 4, 5, 5]).refused().contains("8 channels of [5, 5]"));
    assert!(offsets(&[1, 8, 5, 5]).ints("strides", &[0, 1]).refused().contains("at least 1"));
    assert!(offsets(&[1, 8, 5, 5]).int("group", 0).refused().contains("group is 0"));
    let columns = || case("Col2Im", &[1, 8, 9]);
    assert_eq!(columns().whole(&[4, 4]).whole(&[2, 2]).shape(), [1, 2, 4, 4]);
    assert!(columns().whole(&[0, 4]).whole(&[2, 2]).refused().contains("each must be at least 1"));
    assert!(columns().whole(&[1 << 40, 4]).whole(&[2, 2]).refused().contains("does not hold"));
    let pooled = || {
        let places = case("MaxUnpool", &[1, 2, 3, 3]).floats(&[1, 2, 3, 3]);
        places.ints("kernel_shape", &[2, 2]).ints("strides", &[2, 2])
    };
    assert_eq!(pooled().shape(), [1, 2, 6, 6]);
    assert_eq!(pooled().whole(&[1, 2, 7, 7]).shape(), [1, 2, 7, 7]);
    assert!(pooled().whole(&[1, 2, 7]).refused().contains("output_shape"));
}

#[test]
fn lists_decide_what_is_kept() {
    let values = [3, 4];
    assert_eq!(case("Compress", &values).truths(&[1, 0, 1, 0]).int("axis", 1).shape(), [3, 2]);
    assert_eq!(case("Compress", &values).truths(&[1, 0, 1]).shape(), [2]);
    let told = case("Compress", &values).truths(&[1; 5]).int("axis", 1).refused();
    assert!(told.contains("there are 4 elements"), "{told}");
    assert!(case("Compress", &values).whole(&[1, 0]).refused().contains("of truth values"));
    let centre = |wanted: &[i64]| case("CenterCropPad", &values).whole(wanted);
    assert_eq!(centre(&[5, 2]).shape(), [5, 2]);
    assert_eq!(centre(&[2]).ints("axes", &[-1]).shape(), [3, 2]);
    assert!(centre(&[-1, 2]).refused().contains("no length may be negative"));
    assert!(centre(&[2, 2]).ints("axes", &[1, -1]).refused().contains("an axis twice"));
    let turned = |lengths: &[i64]| case("ReverseSequence", &values).whole(lengths);
    assert_eq!(turned(&[3, 0, 1, 2]).shape(), [3, 4]);
    assert!(turned(&[4, 0, 1, 2]).refused().contains("have 3 elements"));
    assert!(turned(&[1, 1, 1, 1]).int("time_axis", 7).refused().contains("one must be 0"));
}

#[test]
fn signals() {
    let signal = [1, 20, 1];
    let fourier = || case("DFT", &signal).whole(&[16]);
    assert_eq!(fourier().int("onesided", 1).check_with(17), Ok(Some(vec![1, 9, 2])));
    assert!(case("DFT", &signal).whole(&[-4]).refused().contains("dft_length is -4"));
    assert!(case("DFT", &signal).whole(&[1 << 50]).refused().contains("too much memory"));
    assert!(fourier().int("axis", 99).refused().contains("axis is 99"));
    let frames =
        |step: i64, length: i64| case("STFT", &signal).whole(&[step]).floats(&[8]).whole(&[length]);
    assert_eq!(frames(4, 8).shape(), [1, 4, 5, 2]);
    assert!(frames(0, 8).refused().contains("frame_step is 0"));
    assert!(frames(4, 99).refused().contains("do not fit its signal"));
}

#[test]
fn heads_lie_side_by_side() {
    let queries = [1, 5, 8];
    let attention = |heads: i64| {
        let keys = case("Attention", &queries).floats(&[1, 7, 8]).floats(&[1, 7, 8]);
        keys.int("q_num_heads", heads).int("kv_num_heads", heads)
    };
    assert_eq!(attention(2).shape(), [1, 5, 8]);
    assert!(attention(0).refused().contains("q_num_heads is 0"));
    assert!(attention(1 << 40).refused().contains("heads"));
    let fused = |heads: i64| case("MultiHeadAttention", &queries).int("num_heads", heads);
    assert!(fused(0).of("com.microsoft").refused().contains("num_heads is 0"));
    assert!(fused(3).refused().contains("no 3 heads"));
    let rotary = |place: i64| {
        let tables = case("RotaryEmbedding", &[1, 2, 1, 4]).floats(&[6, 2]).floats(&[6, 2]);
        tables.whole(&[place])
    };
    assert_eq!(rotary(5).shape(), [1, 2, 1, 4]);
    assert!(rotary(6).refused().contains("row 6 of its table of 6 rows"));
    assert!(rotary(0).int("rotary_embedding_dim", 6).refused().contains("it turns 6"));
}

#[test]
fn learned_weights_fit_their_features() {
    let learned = |op_type: &'static str| case(op_type, &[1, 4]).of("ai.onnx.ml");
    let regressor = |targets: i64| {
        learned("LinearRegressor").float_list("coefficients", &[0.5; 8]).int("targets", targets)
    };
    assert_eq!(regressor(2).shape(), [1, 2]);
    assert!(regressor(1 << 40).refused().contains("8 coefficients"));
    assert!(regressor(4).refused().contains("4 features"));
    assert!(regressor(-2).refused().contains("targets is -2"));
    assert!(learned("ArrayFeatureExtractor").whole(&[4]).refused().contains("element 4"));
    assert!(learned("Scaler").float_list("scale", &[1.0; 3]).refused().contains("3 numbers"));
    assert!(learned("Normalizer").word("norm", "L3").refused().contains("L3"));
    let empty = learned("LinearClassifier").float_list("intercepts", &[]);
    assert!(empty.float_list("coefficients", &[1.0; 4]).refused().contains("intercepts is empty"));
}
