//! Dense layers, poolings, means, sums and interpolations.

use super::*;

fn dense(shape: &[usize], outputs: usize, op: &'static str) -> Layer {
    let inputs = shape[shape.len() - 1];
    let positions = shape.iter().product::<usize>() / inputs;
    let mut numbers = Numbers::new(13);
    let (weight, bias) = (numbers.eighths(inputs * outputs), numbers.eighths(outputs));
    let map = dense_map::dense(&weight, &bias, inputs, positions);
    let turned: Vec<f32> =
        (0..inputs * outputs).map(|at| weight[at % outputs * inputs + at / outputs]).collect();
    Layer {
        name: format!("{op} {shape:?} to {outputs}"),
        input_shape: shape.to_vec(),
        map,
        is_exact: true,
        append: Box::new(move |graph, value| {
            let b = graph.floats(&[outputs], &bias);
            if op == "Gemm" {
                let w = graph.floats(&[outputs, inputs], &weight);
                graph.named_node("layer", "Gemm", &[value, &w, &b], &["y"], &[int("transB", 1)]);
            } else {
                let w = graph.floats(&[inputs, outputs], &turned);
                graph.named_node("layer", "MatMul", &[value, &w], &["product"], &[]);
                graph.named_node("bias", "Add", &["product", &b], &["y"], &[]);
            }
            "y".to_string()
        }),
    }
}

#[test]
fn dense_layers() {
    all_hold(vec![
        dense(&[1, 7], 5, "Gemm"),
        dense(&[1, 7], 5, "MatMul"),
        dense(&[1, 3, 6], 4, "MatMul"),
    ]);
}

fn average_pooling(channels: usize, axes: &[Axis], counts: bool, ceil: bool) -> Layer {
    let length = |axis: &Axis| {
        let room = axis.input + axis.before + axis.after - axis.kernel;
        if ceil { room.div_ceil(axis.stride) + 1 } else { room / axis.stride + 1 }
    };
    let outputs: Vec<usize> = axes.iter().map(length).collect();
    let mut attributes = axis_attributes(axes);
    attributes
        .extend([int("count_include_pad", i64::from(counts)), int("ceil_mode", i64::from(ceil))]);
    Layer {
        name: format!("AveragePool {axes:?} counts padding {counts} ceil {ceil}"),
        input_shape: shape_of(channels, axes),
        map: dense_map::average_pooling(channels, axes, &outputs, counts),
        is_exact: false,
        append: Box::new(move |graph, value| {
            graph.named_node("layer", "AveragePool", &[value], &["y"], &attributes);
            "y".to_string()
        }),
    }
}

#[test]
fn average_poolings() {
    let padded = [Axis::new(5, 3).stride(2).padding(1, 1), Axis::new(6, 2).padding(1, 0)];
    all_hold(vec![
        average_pooling(2, &[Axis::new(4, 2).stride(2), Axis::new(6, 3).stride(3)], false, false),
        average_pooling(2, &padded, false, false),
        average_pooling(2, &padded, true, false),
        average_pooling(2, &[Axis::new(6, 3).stride(2), Axis::new(5, 2).stride(2)], false, true),
        average_pooling(1, &[Axis::new(7, 2).stride(3)], true, true),
    ]);
}

/// The mean over some axes, which keep the length one.
fn mean(shape: &'static [usize], axes: &'static [usize]) -> Layer {
    let kept: Vec<usize> = shape
        .iter()
        .enumerate()
        .map(|(axis, &n)| if axes.contains(&axis) { 1 } else { n })
        .collect();
    let count: usize = axes.iter().map(|&axis| shape[axis]).product();
    let mut rows = vec![vec![]; kept.iter().product()];
    for index in indices(shape) {
        let output: Vec<usize> = index.iter().zip(&kept).map(|(&at, &n)| at.min(n - 1)).collect();
        rows[flat(&kept, &output)].push((flat(shape, &index), 1.0 / count as f64));
    }
    Layer {
        name: format!("ReduceMean {shape:?} over {axes:?}"),
        input_shape: shape.to_vec(),
        map: DenseMap::without_bias(shape.iter().product(), rows),
        is_exact: false,
        append: Box::new(|graph, value| {
            let axes: Vec<i64> = axes.iter().map(|&axis| axis as i64).collect();
            graph.named_node("layer", "ReduceMean", &[value], &["y"], &[ints("axes", &axes)]);
            "y".to_string()
        }),
    }
}

#[test]
fn means() {
    all_hold(vec![mean(&[1, 3, 2, 4], &[2, 3]), mean(&[1, 3, 2, 4], &[1]), mean(&[1, 5, 3], &[2])]);
}

/// The sum or difference of two slices of the input, the second of which may broadcast.
fn sum(op: &'static str, second: [usize; 3]) -> Layer {
    const SHAPE: [usize; 4] = [1, 4, 2, 3];
    let half = [2, 2, 3];
    let sign = if op == "Sub" { -1.0 } else { 1.0 };
    let row = |index: Vec<usize>| {
        let at: Vec<usize> = (0..3).map(|axis| index[axis].min(second[axis] - 1)).collect();
        vec![
            (flat(&SHAPE[1..], &index), 1.0),
            (flat(&SHAPE[1..], &[at[0] + 2, at[1], at[2]]), sign),
        ]
    };
    Layer {
        name: format!("{op} of [2, 2, 3] and {second:?}"),
        input_shape: SHAPE.to_vec(),
        map: DenseMap::without_bias(24, indices(&half).into_iter().map(row).collect()),
        is_exact: true,
        append: Box::new(move |graph, value| {
            let ends = [[2, 2, 3], [second[0] as i64 + 2, second[1] as i64, second[2] as i64]];
            let parts = [[0, 0, 0], [2, 0, 0]].iter().zip(ends).map(|(starts, ends)| {
                let inputs = [graph.ints(starts), graph.ints(&ends), graph.ints(&[1, 2, 3])];
                graph.node("Slice", &[value, &inputs[0], &inputs[1], &inputs[2]], &[])
            });
            let parts: Vec<String> = parts.collect();
            graph.named_node("layer", op, &[&parts[0], &parts[1]], &["y"], &[]);
            "y".to_string()
        }),
    }
}

#[test]
fn sums() {
    all_hold(vec![
        sum("Add", [2, 2, 3]),
        sum("Sub", [2, 2, 3]),
        sum("Add", [2, 1, 1]),
        sum("Sub", [1, 1, 3]),
    ]);
}

/// Linear interpolation by a whole factor per axis, with half-pixel centres.
fn resize(factors: [usize; 2]) -> Layer {
    const SHAPE: [usize; 4] = [1, 2, 3, 4];
    let taps = |axis: usize, at: usize| -> Vec<(usize, f64)> {
        let last = SHAPE[axis + 2] - 1;
        let place = (at as f64 + 0.5) / factors[axis] as f64 - 0.5;
        let place = place.clamp(0.0, last as f64);
        let (low, part) = (place.floor() as usize, place.fract());
        let taps = [(low, 1.0 - part), ((low + 1).min(last), part)];
        taps.into_iter().filter(|tap| tap.1 > 0.0).collect()
    };
    let outputs = [2, 3 * factors[0], 4 * factors[1]];
    let row = |index: Vec<usize>| {
        let columns = taps(1, index[2]);
        let channel = index[0];
        let across = |(y, a): (usize, f64)| {
            let place = move |x| flat(&SHAPE[1..], &[channel, y, x]);
            columns.iter().map(move |&(x, b)| (place(x), a * b)).collect::<Vec<_>>()
        };
        taps(0, index[1]).into_iter().flat_map(across).collect()
    };
    Layer {
        name: format!("Resize by {factors:?}"),
        input_shape: SHAPE.to_vec(),
        map: DenseMap::without_bias(24, indices(&outputs).into_iter().map(row).collect()),
        is_exact: false,
        append: Box::new(move |graph, value| {
            let scales = graph.floats(&[4], &[1.0, 1.0, factors[0] as f32, factors[1] as f32]);
            let attributes =
                [text("mode", "linear"), text("coordinate_transformation_mode", "half_pixel")];
            graph.named_node("layer", "Resize", &[value, "", &scales], &["y"], &attributes);
            "y".to_string()
        }),
    }
}

#[test]
fn interpolations() {
    all_hold(vec![resize([1, 2]), resize([2, 3])]);
}
