//! Linear layers written out as the rows of a matrix, and every relevance rule on one, in `f64` and by
//! the formulas of the papers: what the library's kernels and tables of groups are compared with.

/// `y = W x + b`, row by row: the inputs that an output reads, each with its weight (zeros included).
#[derive(Clone)]
pub struct DenseMap {
    pub inputs: usize,
    pub rows: Vec<Vec<(usize, f64)>>,
    pub bias: Vec<f64>,
}

/// A spatial axis of a convolution or pooling.
#[derive(Clone, Copy, Debug)]
pub struct Axis {
    pub input: usize,
    pub kernel: usize,
    pub stride: usize,
    pub dilation: usize,
    pub before: usize,
    pub after: usize,
}

impl Axis {
    pub fn new(input: usize, kernel: usize) -> Axis {
        Axis { input, kernel, stride: 1, dilation: 1, before: 0, after: 0 }
    }

    pub fn stride(self, stride: usize) -> Axis {
        Axis { stride, ..self }
    }

    pub fn dilation(self, dilation: usize) -> Axis {
        Axis { dilation, ..self }
    }

    pub fn padding(self, before: usize, after: usize) -> Axis {
        Axis { before, after, ..self }
    }

    /// Extent of the window.
    pub fn reach(&self) -> usize {
        (self.kernel - 1) * self.dilation + 1
    }

    /// Window positions; `None` where the window does not fit.
    pub fn output(&self) -> Option<usize> {
        let room = (self.input + self.before + self.after).checked_sub(self.reach())?;
        Some(room / self.stride + 1)
    }

    /// Length of the output of a transposed convolution.
    pub fn transposed_output(&self, output_padding: usize) -> usize {
        (self.input - 1) * self.stride + output_padding + self.reach() - self.before - self.after
    }
}

/// All indices of an array of the given shape, in row-major order.
pub fn indices(shape: &[usize]) -> Vec<Vec<usize>> {
    shape.iter().fold(vec![vec![]], |prefixes, &length| {
        let extend = |prefix: &Vec<usize>| {
            let prefix = prefix.clone();
            (0..length).map(move |at| [prefix.as_slice(), &[at]].concat())
        };
        prefixes.iter().flat_map(extend).collect()
    })
}

/// The place of an index in row-major order.
pub fn flat(shape: &[usize], index: &[usize]) -> usize {
    shape.iter().zip(index).fold(0, |place, (&length, &at)| place * length + at)
}

fn with_channels(channels: usize, spatial: &[usize]) -> Vec<usize> {
    [&[channels], spatial].concat()
}

/// A convolution: `weight` is `[O, I / groups, kernel...]`.
pub fn convolution(
    weight: &[f32],
    bias: &[f32],
    io: [usize; 2],
    groups: usize,
    axes: &[Axis],
) -> DenseMap {
    let [inputs, outputs] = io;
    let input_shape =
        with_channels(inputs, &axes.iter().map(|axis| axis.input).collect::<Vec<_>>());
    let kernel: Vec<usize> = axes.iter().map(|axis| axis.kernel).collect();
    let positions: Vec<usize> = axes.iter().map(|axis| axis.output().unwrap()).collect();
    let weight_shape = [&[outputs, inputs / groups], kernel.as_slice()].concat();
    let mut rows = vec![];
    for output in 0..outputs {
        let group = output / (outputs / groups);
        for position in indices(&positions) {
            let mut row = vec![];
            for channel in 0..inputs / groups {
                for tap in indices(&kernel) {
                    let source = |axis: usize| {
                        let at =
                            position[axis] * axes[axis].stride + tap[axis] * axes[axis].dilation;
                        at.checked_sub(axes[axis].before).filter(|&at| at < axes[axis].input)
                    };
                    let sources: Option<Vec<usize>> = (0..axes.len()).map(source).collect();
                    let Some(sources) = sources else { continue };
                    let input = with_channels(group * (inputs / groups) + channel, &sources);
                    let place = [&[output, channel], tap.as_slice()].concat();
                    let weight = weight[flat(&weight_shape, &place)];
                    row.push((flat(&input_shape, &input), f64::from(weight)));
                }
            }
            rows.push(row);
        }
    }
    let area: usize = positions.iter().product();
    let bias = bias.iter().flat_map(|&b| vec![f64::from(b); area]).collect();
    DenseMap { inputs: input_shape.iter().product(), rows, bias }
}

/// A transposed convolution: `weight` is `[I, O / groups, kernel...]`.
pub fn transposed_convolution(
    weight: &[f32],
    bias: &[f32],
    io: [usize; 2],
    groups: usize,
    axes: &[Axis],
    output_padding: usize,
) -> DenseMap {
    let [inputs, outputs] = io;
    let spatial: Vec<usize> = axes.iter().map(|axis| axis.input).collect();
    let kernel: Vec<usize> = axes.iter().map(|axis| axis.kernel).collect();
    let results: Vec<usize> =
        axes.iter().map(|axis| axis.transposed_output(output_padding)).collect();
    let (input_shape, output_shape) =
        (with_channels(inputs, &spatial), with_channels(outputs, &results));
    let weight_shape = [&[inputs, outputs / groups], kernel.as_slice()].concat();
    let mut rows = vec![vec![]; output_shape.iter().product()];
    for input in 0..inputs {
        let group = input / (inputs / groups);
        for position in indices(&spatial) {
            let from = flat(&input_shape, &with_channels(input, &position));
            for channel in 0..outputs / groups {
                for tap in indices(&kernel) {
                    let target = |axis: usize| {
                        let at =
                            position[axis] * axes[axis].stride + tap[axis] * axes[axis].dilation;
                        at.checked_sub(axes[axis].before).filter(|&at| at < results[axis])
                    };
                    let targets: Option<Vec<usize>> = (0..axes.len()).map(target).collect();
                    let Some(targets) = targets else { continue };
                    let output = with_channels(group * (outputs / groups) + channel, &targets);
                    let place = [&[input, channel], tap.as_slice()].concat();
                    let weight = f64::from(weight[flat(&weight_shape, &place)]);
                    rows[flat(&output_shape, &output)].push((from, weight));
                }
            }
        }
    }
    let area: usize = results.iter().product();
    let bias = bias.iter().flat_map(|&b| vec![f64::from(b); area]).collect();
    DenseMap { inputs: input_shape.iter().product(), rows, bias }
}

/// An average over windows, `axes` of which may hang over the end by `ceil_mode`.
pub fn average_pooling(
    channels: usize,
    axes: &[Axis],
    outputs: &[usize],
    counts_padding: bool,
) -> DenseMap {
    let spatial: Vec<usize> = axes.iter().map(|axis| axis.input).collect();
    let kernel: Vec<usize> = axes.iter().map(|axis| axis.kernel).collect();
    let input_shape = with_channels(channels, &spatial);
    let mut rows = vec![];
    for channel in 0..channels {
        for position in indices(outputs) {
            let mut row = vec![];
            let mut padded = 0;
            for tap in indices(&kernel) {
                let at = |axis: usize| position[axis] * axes[axis].stride + tap[axis];
                let inside = |axis: usize| {
                    at(axis).checked_sub(axes[axis].before).filter(|&at| at < spatial[axis])
                };
                let limit = |axis: usize| spatial[axis] + axes[axis].before + axes[axis].after;
                padded += usize::from((0..axes.len()).all(|axis| at(axis) < limit(axis)));
                if let Some(sources) = (0..axes.len()).map(inside).collect::<Option<Vec<_>>>() {
                    row.push((flat(&input_shape, &with_channels(channel, &sources)), 1.0));
                }
            }
            let count = if counts_padding { padded } else { row.len() };
            row.iter_mut().for_each(|(_, weight)| *weight /= count as f64);
            rows.push(row);
        }
    }
    DenseMap::without_bias(input_shape.iter().product(), rows)
}

/// The same matrix `[O, I]` at each of `positions`.
pub fn dense(weight: &[f32], bias: &[f32], inputs: usize, positions: usize) -> DenseMap {
    let row = |position: usize, weights: &[f32]| {
        let entry =
            |(input, &weight): (usize, &f32)| (position * inputs + input, f64::from(weight));
        weights.iter().enumerate().map(entry).collect()
    };
    let rows =
        (0..positions).flat_map(|at| weight.chunks(inputs).map(move |weights| row(at, weights)));
    let bias = (0..positions).flat_map(|_| bias.iter().map(|&b| f64::from(b))).collect();
    DenseMap { inputs: inputs * positions, rows: rows.collect(), bias }
}

impl DenseMap {
    pub fn without_bias(inputs: usize, rows: Vec<Vec<(usize, f64)>>) -> DenseMap {
        DenseMap { inputs, bias: vec![0.0; rows.len()], rows }
    }

    pub fn apply(&self, x: &[f64]) -> Vec<f64> {
        let sum = |row: &Vec<(usize, f64)>| {
            row.iter().map(|&(input, weight)| weight * x[input]).sum::<f64>()
        };
        self.rows.iter().zip(&self.bias).map(|(row, bias)| sum(row) + bias).collect()
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rule {
    Epsilon,
    Norm,
    ZPlus,
    AlphaBeta(f64, f64),
    Gamma(f64),
    ZBox(f64, f64),
    WSquare,
    Flat,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Stabilizer {
    Additive,
    Clip,
    Relative,
}

#[derive(Clone, Copy, Debug)]
pub struct Setting {
    pub rule: Rule,
    pub bias: bool,
    pub stabilizer: Stabilizer,
    pub epsilon: f64,
}

impl Setting {
    pub fn yaml(&self) -> String {
        let kind = format!("{:?}", self.stabilizer).to_lowercase();
        let mut parameters = format!("stabilizer: {{ epsilon: {}, kind: {kind} }}", self.epsilon);
        let (name, own) = match self.rule {
            Rule::Epsilon => ("epsilon", String::new()),
            Rule::Norm => ("norm", String::new()),
            Rule::ZPlus => ("z-plus", String::new()),
            Rule::AlphaBeta(alpha, beta) => {
                ("alpha-beta", format!(", alpha: {alpha}, beta: {beta}"))
            }
            Rule::Gamma(gamma) => ("gamma", format!(", gamma: {gamma}")),
            Rule::ZBox(low, high) => ("z-box", format!(", low: {low}, high: {high}")),
            Rule::WSquare => ("w-square", String::new()),
            Rule::Flat => ("flat", String::new()),
        };
        parameters += &own;
        if !self.bias {
            parameters += ", bias: false";
        }
        format!("{{ {name}: {{ {parameters} }} }}")
    }

    fn stabilized(&self, z: f64, root_mean_square: f64) -> f64 {
        let sign = if z < 0.0 { -1.0 } else { 1.0 };
        match self.stabilizer {
            Stabilizer::Additive => z + sign * self.epsilon,
            Stabilizer::Clip => sign * z.abs().max(self.epsilon),
            Stabilizer::Relative => z + sign * self.epsilon * root_mean_square,
        }
    }

    /// Shares out: `R_i = share · Σ_j c_ij r_j / stabilized(Σ_i c_ij + b_j)`.
    fn share(
        &self,
        map: &DenseMap,
        relevance: impl Fn(usize) -> f64,
        contribution: impl Fn(usize, usize, f64) -> f64,
        bias: impl Fn(f64) -> f64,
    ) -> Vec<f64> {
        let with_bias = |j: usize| if self.bias { bias(map.bias[j]) } else { 0.0 };
        let row_sum =
            |j: usize| map.rows[j].iter().map(|&(i, w)| contribution(j, i, w)).sum::<f64>();
        let z: Vec<f64> = (0..map.rows.len()).map(|j| row_sum(j) + with_bias(j)).collect();
        let mean_square = z.iter().map(|z| z * z).sum::<f64>() / z.len() as f64;
        let mut shares = vec![0.0; map.inputs];
        for (j, row) in map.rows.iter().enumerate() {
            let denominator = self.stabilized(z[j], mean_square.sqrt());
            if relevance(j) == 0.0 || denominator == 0.0 {
                continue;
            }
            let quotient = relevance(j) / denominator;
            for &(i, w) in row {
                shares[i] += contribution(j, i, w) * quotient;
            }
        }
        shares
    }

    /// Relevance of the inputs `x`, given that of the outputs.
    pub fn redistribute(&self, map: &DenseMap, x: &[f64], relevance: &[f64]) -> Vec<f64> {
        let all = |j: usize| relevance[j];
        let plus = |c: f64| c.max(0.0);
        let minus = |c: f64| c.min(0.0);
        match self.rule {
            Rule::Epsilon | Rule::Norm => self.share(map, all, |_, i, w| w * x[i], |b| b),
            Rule::ZPlus => self.share(map, all, |_, i, w| plus(w * x[i]), plus),
            Rule::AlphaBeta(alpha, beta) => {
                let positive = self.share(map, all, |_, i, w| plus(w * x[i]), plus);
                let negative = self.share(map, all, |_, i, w| minus(w * x[i]), minus);
                positive.iter().zip(negative).map(|(p, n)| alpha * p - beta * n).collect()
            }
            Rule::Gamma(gamma) => {
                let y = map.apply(x);
                let where_y = |is: fn(f64) -> bool| {
                    let y = &y;
                    move |j: usize| if is(y[j]) { relevance[j] } else { 0.0 }
                };
                let above = self.share(
                    map,
                    where_y(|y| y > 0.0),
                    |_, i, w| w * x[i] + gamma * plus(w * x[i]),
                    |b| b + gamma * plus(b),
                );
                let below = self.share(
                    map,
                    where_y(|y| y < 0.0),
                    |_, i, w| w * x[i] + gamma * minus(w * x[i]),
                    |b| b + gamma * minus(b),
                );
                above.iter().zip(below).map(|(a, b)| a + b).collect()
            }
            Rule::ZBox(low, high) => {
                let contribution = |_, i: usize, w: f64| w * x[i] - plus(w) * low - minus(w) * high;
                self.share(map, all, contribution, |_| 0.0)
            }
            Rule::WSquare => self.share(map, all, |_, _, w| w * w, |b| b * b),
            Rule::Flat => self.share(map, all, |_, _, _| 1.0, |_| 0.0),
        }
    }
}
