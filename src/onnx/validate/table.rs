//! Which operator is checked by what. An operator that is not here is never shown to tract.

use anyhow::Result;

use super::node::Node;
use super::value::Value;
use super::{
    attention, elementwise, gathers, learned, lists, moves, normalizations, products, quantized,
    recurrent, reductions, resize, sampling, scattered, signals, slices, sources, windows,
};

/// Checks a node and says what its outputs are.
pub(super) type Rule = fn(&Node) -> Result<Vec<Value>>;

/// The rule of an operator, where there is one.
pub(super) fn rule(domain: &str, op_type: &str) -> Option<Rule> {
    let table = match domain {
        "" | "ai.onnx" => STANDARD,
        "ai.onnx.ml" => LEARNED,
        "com.microsoft" => MICROSOFT,
        _ => return None,
    };
    let found = table.iter().find(|(operators, _)| operators.contains(&op_type));
    found.map(|(_, rule)| *rule)
}

/// Whether there is one.
pub(in crate::onnx) fn is_checked(domain: &str, op_type: &str) -> bool {
    rule(domain, op_type).is_some()
}

/// The operators of the standard.
const STANDARD: &[(&[&str], Rule)] = &[
    (
        &[
            "Abs",
            "Acos",
            "Acosh",
            "Asin",
            "Asinh",
            "Atan",
            "Atanh",
            "BitwiseNot",
            "Ceil",
            "Celu",
            "Clip",
            "Cos",
            "Cosh",
            "Dropout",
            "Elu",
            "Erf",
            "Exp",
            "Floor",
            "Gelu",
            "HardSigmoid",
            "HardSwish",
            "Identity",
            "LeakyRelu",
            "Log",
            "Mish",
            "Neg",
            "RandomNormalLike",
            "RandomUniformLike",
            "Reciprocal",
            "Relu",
            "Round",
            "Rsqrt",
            "ScaledTanh",
            "Selu",
            "Shrink",
            "Sigmoid",
            "Sign",
            "Sin",
            "Sinh",
            "Softplus",
            "Softsign",
            "Sqrt",
            "Swish",
            "Tan",
            "Tanh",
            "ThresholdedRelu",
            "Trilu",
        ],
        elementwise::same,
    ),
    (&["IsInf", "IsNaN", "Not"], elementwise::decision),
    (&["Cast"], elementwise::cast),
    (&["CastLike"], elementwise::cast_like),
    (
        &[
            "Add",
            "And",
            "BitShift",
            "BitwiseAnd",
            "BitwiseOr",
            "BitwiseXor",
            "Div",
            "Equal",
            "Greater",
            "GreaterOrEqual",
            "Less",
            "LessOrEqual",
            "Max",
            "Mean",
            "Min",
            "Mod",
            "Mul",
            "Or",
            "Pow",
            "Sub",
            "Sum",
            "Where",
            "Xor",
        ],
        elementwise::broadcast,
    ),
    (&["PRelu"], elementwise::parametric_relu),
    (&["Conv", "ConvInteger"], windows::convolution),
    (&["QLinearConv"], windows::quantized_convolution),
    (&["ConvTranspose"], windows::transposed_convolution),
    (&["AveragePool", "LpPool", "MaxPool"], windows::pool),
    (&["GlobalAveragePool", "GlobalLpPool", "GlobalMaxPool"], windows::global_pool),
    (&["BatchNormalization"], normalizations::batch_normalization),
    (&["InstanceNormalization"], normalizations::instance_normalization),
    (&["GroupNormalization"], normalizations::group_normalization),
    (
        &["LayerNormalization", "RMSNormalization", "SimplifiedLayerNormalization"],
        normalizations::layer_normalization,
    ),
    (&["Hardmax", "LogSoftmax", "LpNormalization", "Softmax"], normalizations::along_axis),
    (&["LRN"], normalizations::response_normalization),
    (&["MeanVarianceNormalization"], normalizations::mean_variance),
    (&["ReduceSum"], reductions::reduce),
    (&reductions::OTHERS, reductions::reduce),
    (&["ArgMax", "ArgMin"], reductions::place_of_largest),
    (&["TopK"], reductions::largest),
    (&["CumSum"], reductions::running_sum),
    (&["MatMul"], products::matrix_product),
    (&["MatMulInteger"], products::integer_product),
    (&["QLinearMatMul"], products::quantized_product),
    (&["Gemm"], products::general_product),
    (&["Einsum"], products::einsum),
    (&["Transpose"], moves::transpose),
    (&["Reshape"], moves::reshape),
    (&["Flatten"], moves::flatten),
    (&["Squeeze"], moves::squeeze),
    (&["Unsqueeze"], moves::unsqueeze),
    (&["Expand"], moves::expand),
    (&["Tile"], moves::tile),
    (&["Concat"], moves::concat),
    (&["Split"], moves::split),
    (&["Slice"], slices::slice),
    (&["Pad"], moves::pad),
    (&["DepthToSpace"], moves::depth_to_space),
    (&["SpaceToDepth"], moves::space_to_depth),
    (&["Gather"], gathers::gather),
    (&["GatherElements"], gathers::gather_elements),
    (&["GatherND"], gathers::gather_nd),
    (&["Scatter", "ScatterElements"], gathers::scatter_elements),
    (&["ScatterND"], gathers::scatter_nd),
    (&["Resize"], resize::resize),
    (&["Upsample"], resize::upsample),
    (&["Constant"], sources::constant),
    (&["ConstantOfShape"], sources::constant_of_shape),
    (&["EyeLike"], sources::eye_like),
    (&["NonZero"], sources::non_zero),
    (&["OneHot"], sources::one_hot),
    (&["RandomNormal", "RandomUniform"], sources::random),
    (&["Range"], sources::range),
    (&["Shape"], sources::shape),
    (&["Size"], sources::size),
    (&["BlackmanWindow", "HammingWindow", "HannWindow"], sources::window),
    (&["QuantizeLinear"], quantized::quantize),
    (&["DequantizeLinear"], quantized::dequantize),
    (&["DynamicQuantizeLinear"], quantized::dynamic_quantize),
    (&["LSTM"], recurrent::lstm),
    (&["GRU"], recurrent::gru),
    (&["RNN"], recurrent::rnn),
    (&["Attention"], attention::attention),
    (&["MultiHeadAttention"], attention::fused),
    (&["RotaryEmbedding"], attention::rotary),
    (&["AffineGrid"], sampling::affine_grid),
    (&["GridSample"], sampling::grid_sample),
    (&["RoiAlign"], sampling::regions),
    (&["Col2Im"], scattered::picture_of_windows),
    (&["DeformConv"], scattered::deformable_convolution),
    (&["MaxUnpool"], scattered::unpool),
    (&["CenterCropPad"], lists::centre),
    (&["Compress"], lists::compress),
    (&["ReverseSequence"], lists::reverse),
    (&["DFT"], signals::fourier),
    (&["MelWeightMatrix"], signals::mel_weights),
    (&["STFT"], signals::frames),
    // The nodes of inner graphs are checked by themselves.
    (&["If", "Loop", "Scan"], sources::unknown),
    // What rewrites leave.
    (&["BatchBehind", "FakeQuantize", "FusedMatMul", "RoundStraightThrough"], sources::unknown),
];

/// Operators of scikit-learn's exports.
const LEARNED: &[(&[&str], Rule)] = &[
    (&["ArrayFeatureExtractor"], learned::extractor),
    (&["LinearClassifier"], learned::classifier),
    (&["LinearRegressor"], learned::regressor),
    (&["Normalizer"], learned::normalizer),
    (&["Scaler"], learned::scaler),
];

/// Operators of onnxruntime.
const MICROSOFT: &[(&[&str], Rule)] = &[
    (&["Attention", "MultiHeadAttention"], attention::fused),
    (&["FastGelu", "Gelu", "QuickGelu"], elementwise::same),
    (&["BiasGelu"], elementwise::broadcast),
    (&["FusedConv"], windows::convolution),
    (&["FusedMatMul"], sources::unknown),
    (&["LayerNormalization", "SimplifiedLayerNormalization"], normalizations::layer_normalization),
    (
        &["SkipLayerNormalization", "SkipSimplifiedLayerNormalization"],
        normalizations::skip_normalization,
    ),
    (&["DequantizeLinear"], quantized::dequantize),
    (&["QuantizeLinear"], quantized::quantize),
];
