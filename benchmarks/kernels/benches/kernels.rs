//! Forward and transposed kernels of linear layers, on one thread.

use anyhow::Result;
use criterion::{Criterion, Throughput};
use onnxplain::linear::WeightPart;
use onnxplain_kernels::{layers, numbers};

fn main() -> Result<()> {
    let mut criterion = Criterion::default().configure_from_args();
    for layer in layers()? {
        let mut group = criterion.benchmark_group(layer.name);
        // Elements per second are operations per second.
        group.throughput(Throughput::Elements(layer.operations));
        let forward = layer.map.forward(WeightPart::Plain, None)?;
        let input = [numbers(&layer.input_shape)?];
        group.bench_function("forward", |bencher| bencher.iter(|| forward(&input)));
        let transposed = layer.map.transposed(WeightPart::Positive)?;
        let output = numbers(&layer.output_shape)?;
        group.bench_function("transposed", |bencher| bencher.iter(|| transposed(&output)));
        group.finish();
    }
    criterion.final_summary();
    Ok(())
}
