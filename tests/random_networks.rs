//! Laws of canonization on random small networks: no pass changes the function, whatever the
//! statistics of a BatchNormalization (negative and zero scales among them), the padding and
//! the stride; and a network with BatchNormalization kept is explained like the folded one.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "random_networks/builder.rs"]
mod builder;
mod support;

use builder::{Activation, Block, Builder, POINT, Spelling, Window};

use onnxplain::canonize::{PASSES, PassSelection, canonize};
use onnxplain::composite::Composite;
use onnxplain::explain::{Attribution, InputRange};
use onnxplain::onnx::Model;
use onnxplain::tensor::Tensor;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use support::{difference, explain, noise};

fn network(seed: u64, blocks: &[Block], spelling: Spelling, folds: bool) -> Model {
    let mut builder = Builder::new(seed, spelling, folds);
    blocks.iter().for_each(|&block| builder.block(block));
    builder.finish()
}

fn window() -> impl Strategy<Value = Window> {
    (1usize..=3, 1usize..=2, 0usize..=2, 0usize..=2, 1usize..=2).prop_map(
        |(kernel, stride, before, after, dilation)| {
            let padding = [before.min(kernel - 1), after.min(kernel - 1)];
            Window { kernel, stride, padding, dilation }
        },
    )
}

fn activation() -> impl Strategy<Value = Activation> {
    use Activation::{HardSwish, None, Relu, Relu6, Silu};
    prop::sample::select(vec![None, Relu, Relu, Relu6, Silu, HardSwish])
}

fn block() -> impl Strategy<Value = Block> {
    prop_oneof![
        (window(), activation()).prop_map(|(w, a)| Block::Convolution(w, a)),
        (window(), activation()).prop_map(|(w, a)| Block::Depthwise(w, a)),
        (window(), any::<bool>()).prop_map(|(w, is_linear)| Block::PreActivation(w, is_linear)),
        activation().prop_map(Block::Residual),
        Just(Block::DenseConcat),
        Just(Block::Gate),
        Just(Block::Transition),
        Just(Block::MaxPooling),
    ]
}

fn spelling() -> impl Strategy<Value = Spelling> {
    prop::sample::select(vec![Spelling::Node, Spelling::MulAdd, Spelling::SubDivMulAdd])
}

/// The logits' distance from the reference, on the scale of the largest logit.
fn distance(after: &Tensor, before: &Tensor) -> f32 {
    difference(after.data(), before.data())
}

/// An explanation of the third logit.
fn explained(model: &Model, composite: &Composite, input: &Tensor) -> Attribution {
    let mut initial = Tensor::zeros(&[1, 5]).unwrap();
    initial.data_mut()[2] = 1.0;
    let range = InputRange { low: vec![-1.0], high: vec![1.0], channel_axis: 1 };
    explain(&model.network, composite, Some(&range), input, &initial).unwrap()
}

/// A mean over one pixel is the pixel, and a function of it was once taken for a normalisation whose ε
/// is a million.
#[test]
fn a_mean_of_one_number_is_no_statistic() {
    let point = |stride| Window { stride, ..POINT };
    let uneven = Window { kernel: 2, padding: [0, 1], ..POINT };
    let blocks = [
        Block::Depthwise(point(2), Activation::None),
        Block::Convolution(point(2), Activation::None),
        Block::Transition,
        Block::Convolution(uneven, Activation::None),
        Block::Depthwise(point(2), Activation::Relu),
    ];
    let model = network(17_210_914_248_834_058_551, &blocks, Spelling::Node, false);
    let input = noise(&model.inputs[0].shape, 1);
    let mut canonized = model.network.clone();
    canonize(&mut canonized, &PassSelection::only(&["layer-normalizations"]).unwrap()).unwrap();
    let before = model.network.evaluate(&input).unwrap();
    assert!(distance(&canonized.evaluate(&input).unwrap(), &before) <= 1e-5);
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 96,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(11),
        ..ProptestConfig::default()
    })]

    #[test]
    fn no_pass_changes_the_function(
        seed in any::<u64>(),
        blocks in prop::collection::vec(block(), 1..6),
        spelling in spelling(),
    ) {
        let model = network(seed, &blocks, spelling, false);
        let input = noise(&model.inputs[0].shape, seed ^ 1);
        // tract's optimizer itself fails on few of them, where it moves the axes of a bias.
        let before = match model.run_reference(&input) {
            Ok(before) => before,
            Err(_) => model.network.evaluate(&input).unwrap(),
        };
        let alone = PASSES.iter().map(|pass| PassSelection::only(&[pass.name]).unwrap());
        for selection in alone.chain([PassSelection::none(), PassSelection::all()]) {
            let mut network = model.network.clone();
            canonize(&mut network, &selection).unwrap();
            let distance = distance(&network.evaluate(&input).unwrap(), &before);
            prop_assert!(distance <= 1e-4, "{selection:?} changes the logits by {distance:e}");
        }
    }

    #[test]
    fn relevance_is_accounted_for(
        seed in any::<u64>(),
        blocks in prop::collection::vec(block(), 1..6),
        spelling in spelling(),
    ) {
        let model = network(seed, &blocks, spelling, false);
        let input = noise(&model.inputs[0].shape, seed ^ 1);
        for preset in ["epsilon-plus-flat", "w-square-plus", "gamma", "epsilon"] {
            let composite = Composite::find(preset).unwrap();
            let imbalance = explained(&model, &composite, &input).conservation.worst_imbalance();
            prop_assert!(imbalance <= 1e-4, "{preset} is out of balance by {imbalance:e}");
        }
    }

    #[test]
    fn kept_batch_normalization_is_explained_like_folded(
        seed in any::<u64>(),
        blocks in prop::collection::vec(block(), 1..5),
        spelling in spelling(),
    ) {
        let kept = network(seed, &blocks, spelling, false);
        let folded = network(seed, &blocks, Spelling::Node, true);
        let input = noise(&kept.inputs[0].shape, seed ^ 1);
        for preset in ["epsilon-plus-flat", "epsilon-alpha2-beta1", "excitation-backprop"] {
            let composite = Composite::find(preset).unwrap();
            let relevance = |model: &Model| explained(model, &composite, &input).relevance[0].clone();
            let distance = distance(&relevance(&kept), &relevance(&folded));
            prop_assert!(distance <= 1e-4, "{preset} differs by {distance:e}");
        }
    }
}
