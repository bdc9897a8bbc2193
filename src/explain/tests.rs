use std::sync::atomic::{AtomicUsize, Ordering};

use onnxplain_kernels::geometry::WindowAxis;

use super::*;
use crate::linear::{Convolution, Weight, Window};
use crate::network::{Layer, Op};
use crate::tensor::{Counting, LazyTensor};

const CHANNELS: usize = 32;
const SHAPE: [usize; 4] = [1, CHANNELS, 12, 12];

/// Two convolutions that share a weight.
fn network(read: &Arc<AtomicUsize>) -> Network {
    let shape = vec![CHANNELS, CHANNELS, 3, 3];
    let store = Box::new(Counting(shape.iter().product(), read.clone()));
    let weight = Weight::from(Arc::new(LazyTensor::new(shape, store)));
    let window = Window { axes: vec![WindowAxis::fitting(12, 3, 1, 1, [1, 1]); 2] };
    let convolution = Op::Convolution(Convolution::new(weight, None, 1, window));
    let layer = |op: &Op, inputs: &[LayerId]| Layer {
        name: String::new(),
        op_type: String::new(),
        op: op.clone(),
        inputs: inputs.to_vec(),
        shape: SHAPE.to_vec(),
        unknown: None,
    };
    let layers = vec![layer(&Op::Input, &[]), layer(&convolution, &[0]), layer(&convolution, &[1])];
    Network { layers, output: 2, output_function: None }
}

fn explainer(read: &Arc<AtomicUsize>) -> Explainer {
    let composite = Composite::find("epsilon-plus").unwrap();
    let (ranges, threads) = (InputRanges::default(), Threads::default());
    Explainer::with_prepack(network(read), &composite, ranges, threads, Prepack::OnTheFly).unwrap()
}

#[test]
fn a_single_explanation_reads_a_weight_once_a_layer_and_once_a_step() {
    let read = Arc::new(AtomicUsize::new(0));
    let explainer = explainer(&read);
    let count = |work: &mut dyn FnMut()| {
        let before = read.load(Ordering::Relaxed);
        work();
        (read.load(Ordering::Relaxed) - before) / (CHANNELS * CHANNELS * 9)
    };
    let input = Tensor::filled(&SHAPE, 0.5).unwrap();
    let mut activations = None;
    // The last layer works row by row, with kernels that were made at start.
    let in_blocks = (0..3).filter(|&id| explainer.plan.step_is_in_blocks(id)).count();
    assert!(in_blocks > 0);
    assert_eq!(count(&mut || activations = explainer.forward(&input).ok()), in_blocks);
    let activations = activations.unwrap();
    let initial = Tensor::filled(&SHAPE, 1.0).unwrap();
    let mut propagate = || drop(explainer.propagate(activations.clone(), initial.clone()).unwrap());
    // A step has two kernels, for contributions above zero and for their way back.
    assert_eq!(count(&mut propagate), in_blocks);
}

#[test]
fn activations_are_dropped_unless_somebody_holds_a_clone() {
    let explainer = explainer(&Arc::default());
    let activations = explainer.forward(&Tensor::filled(&SHAPE, 0.5).unwrap()).unwrap();
    let held = activations.clone();
    let value = held.address(1).unwrap();
    let propagate = |activations| {
        let initial = Tensor::filled(&SHAPE, 1.0).unwrap();
        explainer.propagate(activations, initial).unwrap().relevance[0].clone()
    };
    let first = propagate(activations);
    assert_eq!(held.address(1), Some(value));
    assert_eq!(propagate(held).data(), first.data());
}

#[test]
fn variants_read_a_weight_once_where_their_steps_agree() {
    let read = Arc::default();
    let composite = |low: f32, high: f32| {
        let yaml = format!(
            "name: test\nrules:\n  - when: {{ first: true }}\n    rule: {{ gamma: {low} }}\n  - rule: {{ gamma: {high} }}\n"
        );
        Composite::parse(&yaml, "test").unwrap()
    };
    let count = |composites: &[Composite]| {
        let network = network(&read);
        let variants =
            Variants::new(&network, composites, &InputRanges::default(), Prepack::OnTheFly)
                .unwrap();
        let activations = variants.forward(&Tensor::filled(&SHAPE, 0.5).unwrap()).unwrap();
        let initial = Tensor::filled(&SHAPE, 1.0).unwrap();
        let all: Vec<usize> = (0..composites.len()).collect();
        let before = read.load(Ordering::Relaxed);
        let mut order = vec![];
        variants
            .propagate(&activations, initial, &all, &mut |number, result| {
                result.unwrap();
                order.push(number);
            })
            .unwrap();
        order.sort_unstable();
        assert_eq!(order, all);
        (read.load(Ordering::Relaxed) - before) / (CHANNELS * CHANNELS * 9)
    };
    // The upper layer works row by row, with kernels that were made at start: only the lower one reads.
    let one = count(&[composite(0.1, 0.1)]);
    let lower = count(&[composite(0.1, 0.1), composite(0.2, 0.1), composite(0.3, 0.1)]);
    let equal = count(&[composite(0.1, 0.1), composite(0.1, 0.1)]);
    assert_eq!((lower, equal), (3 * one, one));
}
