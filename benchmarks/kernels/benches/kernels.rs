//! The kernels that explanations run, on one thread. `ONNXPLAIN_ISA` chooses the instruction set.

use std::sync::Arc;

use criterion::{Criterion, Throughput};
use kernel_benches::{LAYERS, numbers};
use onnxplain_kernels::gemv::InMemory;
use onnxplain_kernels::geometry::WeightPart;
use onnxplain_kernels::nchwc::epilogue::{Forward, Share};
use onnxplain_kernels::nchwc::{Prepack, SignBias, TransposedBySign};
use onnxplain_kernels::{AlignedBuf, Output, gemm, gemv};

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    convolutions(&mut criterion);
    by_sign(&mut criterion);
    vectors(&mut criterion);
    matrices(&mut criterion);
    criterion.final_summary();
}

/// Convolutions and their transposes, with the epilogues of a forward pass and of a rule's way back.
fn convolutions(criterion: &mut Criterion) {
    for layer in LAYERS {
        let mut group = criterion.benchmark_group(layer.name);
        // Elements per second are operations per second.
        group.throughput(Throughput::Elements(layer.operations()));
        let [from, to] = layer.images();
        let (input, output) = (numbers(from.len()), numbers(to.len()));
        if let Some(kernel) = layer.kernel(WeightPart::Plain, false) {
            group.bench_function("forward", |bencher| {
                let run = |result: Output<'_>| kernel.run(&input, result, &Forward::default());
                bencher.iter(|| AlignedBuf::written(to.len(), run));
            });
        }
        if let Some(kernel) = layer.kernel(WeightPart::Positive, true) {
            let share = Share { coefficient: 1.0, factors: Some(&input) };
            group.bench_function("transposed", |bencher| {
                let run = |result: Output<'_>| kernel.run(&output, result, &share);
                bencher.iter(|| AlignedBuf::written(from.len(), run));
            });
        }
        group.finish();
    }
}

/// The transposed map whose weights depend on the sign of the inputs.
fn by_sign(criterion: &mut Criterion) {
    let (weights, shape) = (Arc::new(numbers(64 * 256)), [64, 256, 1, 1]);
    let kernel = TransposedBySign::new(weights, &shape, SignBias::Only, Prepack::Once, [56, 56]);
    let Some(kernel) = kernel else { return };
    let [inputs, outputs] = kernel.images();
    let (x, s) = (numbers(inputs.len()), numbers(outputs.len()));
    let mut group = criterion.benchmark_group("ResNet 1x1, 256 to 64 at 56");
    group.throughput(Throughput::Elements(2 * 64 * 256 * 56 * 56));
    group.bench_function("transposed by sign", |bencher| {
        let run = |result: Output<'_>| kernel.run(&s, &x, false, 1.0, result);
        bencher.iter(|| AlignedBuf::written(inputs.len(), run));
    });
}

/// Products with one vector, which read every weight once.
fn vectors(criterion: &mut Criterion) {
    const SIZE: usize = 4096;
    let (weights, x) = (numbers(SIZE * SIZE), numbers(SIZE));
    let mut y = numbers(SIZE);
    let mut group = criterion.benchmark_group("VGG, 4096 to 4096");
    group.throughput(Throughput::Bytes((SIZE * SIZE * size_of::<f32>()) as u64));
    group.bench_function("gemv", |bencher| {
        bencher.iter(|| gemv::product(&InMemory(&weights), WeightPart::Plain, &x, Output::from(&mut y[..])));
    });
    let part = WeightPart::Positive;
    group.bench_function("gemv, transposed", |bencher| {
        bencher.iter(|| gemv::transposed_product(&InMemory(&weights), part, &x, Output::from(&mut y[..])));
    });
}

/// The products of a transformer.
fn matrices(criterion: &mut Criterion) {
    let (rows, inner, columns) = (197, 768, 3072);
    let (a, b) = (numbers(rows * inner), numbers(inner * columns));
    let mut product = numbers(rows * columns);
    let mut group = criterion.benchmark_group("ViT, 768 to 3072 at 197 tokens");
    group.throughput(Throughput::Elements((2 * rows * inner * columns) as u64));
    group.bench_function("gemm", |bencher| {
        bencher.iter(|| {
            let left = gemm::Matrices::new(&a, rows, inner)?;
            let right = gemm::Matrices::new(&b, inner, columns)?;
            gemm::product(left, right, Output::from(&mut product[..]))
        });
    });
}
