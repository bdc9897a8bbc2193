//! Random small networks: blocks of layers, written as exporters write them.

use onnxplain::onnx::Model;

use super::support::Numbers;
use super::support::onnx::{Graph, float, int, ints};

const SIZE: usize = 9;
const EPSILON: f32 = 1e-3;

/// How an exporter writes a BatchNormalization.
#[derive(Clone, Copy, Debug)]
pub enum Spelling {
    Node,
    MulAdd,
    SubDivMulAdd,
}

#[derive(Clone, Copy, Debug)]
pub enum Activation {
    None,
    Relu,
    Relu6,
    /// `x · sigmoid(x)` in two nodes.
    Silu,
    /// `x · clip(x + 3, 0, 6) / 6` in four nodes.
    HardSwish,
}

/// A convolution's window.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    pub kernel: usize,
    pub stride: usize,
    /// Before and after, on both axes.
    pub padding: [usize; 2],
    pub dilation: usize,
}

/// A piece of a network.
#[derive(Clone, Copy, Debug)]
pub enum Block {
    /// Convolution, BatchNormalization, activation.
    Convolution(Window, Activation),
    /// The same with one filter per channel.
    Depthwise(Window, Activation),
    /// BatchNormalization, activation, convolution; with `true` a BatchNormalization without activation.
    PreActivation(Window, bool),
    /// `x + block(x)`, and a constant.
    Residual(Activation),
    /// `[x, block(x)]` with pre-activation, as in DenseNet.
    DenseConcat,
    /// Squeeze and excite.
    Gate,
    /// BatchNormalization in front of an average pooling and a convolution.
    Transition,
    /// BatchNormalization in front of a max pooling and a convolution.
    MaxPooling,
}

/// Writes blocks into a graph, and keeps count of channels and size.
pub struct Builder {
    graph: Graph,
    numbers: Numbers,
    value: String,
    channels: usize,
    size: usize,
    spelling: Spelling,
    /// What numbers of filters are multiplied with: from 8 filters on, images are computed in blocks.
    width: usize,
    /// Whether a BatchNormalization behind a convolution is folded into its weights.
    folds: bool,
}

impl Builder {
    pub fn new(seed: u64, spelling: Spelling, folds: bool) -> Builder {
        let graph = Graph::with_input(15, &[1, 3, SIZE, SIZE]);
        let numbers = Numbers::new(seed);
        let value = "x".to_string();
        let width = [1, 5, 8][(seed % 3) as usize];
        Builder { graph, numbers, value, channels: 3, size: SIZE, spelling, width, folds }
    }

    pub fn block(&mut self, block: Block) {
        match block {
            Block::Convolution(window, activation) => {
                let filters = self.width * (2 + self.channels % 4);
                self.convolution(window, filters, 1, true);
                self.activation(activation);
            }
            Block::Depthwise(window, activation) => {
                self.convolution(window, self.channels, self.channels, true);
                self.activation(activation);
            }
            Block::PreActivation(window, is_linear) => {
                self.batch_normalization();
                self.activation(if is_linear { Activation::None } else { Activation::Relu });
                self.convolution(window, 4 * self.width, 1, false);
            }
            Block::Residual(activation) => {
                let (shortcut, channels) = (self.value.clone(), self.channels);
                self.convolution(SAME, channels, 1, true);
                self.activation(activation);
                let constant = self.floats(&[1, channels, 1, 1], -0.5, 0.5);
                self.value = self.graph.node("Add", &[&self.value, &constant], &[]);
                self.value = self.graph.node("Add", &[&shortcut, &self.value], &[]);
                self.activation(Activation::Relu);
            }
            Block::DenseConcat => {
                let (before, channels) = (self.value.clone(), self.channels);
                self.block(Block::PreActivation(SAME, false));
                let both = [before.as_str(), &self.value];
                self.value = self.graph.node("Concat", &both, &[int("axis", 1)]);
                self.channels += channels;
            }
            Block::Gate => {
                let (signal, channels) = (self.value.clone(), self.channels);
                self.value = self.graph.node("GlobalAveragePool", &[&signal], &[]);
                let size = std::mem::replace(&mut self.size, 1);
                self.convolution(POINT, channels, 1, false);
                let gate = self.graph.node("Sigmoid", &[&self.value], &[]);
                self.value = self.graph.node("Mul", &[&signal, &gate], &[]);
                self.size = size;
            }
            Block::Transition => self.pooled("AveragePool"),
            Block::MaxPooling => self.pooled("MaxPool"),
        }
    }

    fn pooled(&mut self, op: &str) {
        self.batch_normalization();
        if self.size >= 2 {
            let window = [ints("kernel_shape", &[2, 2]), ints("strides", &[1, 1])];
            self.value = self.graph.node(op, &[&self.value], &window);
            self.size -= 1;
        }
        self.convolution(POINT, 4 * self.width, 1, false);
    }

    /// Global average pooling and a dense layer: five logits.
    pub fn finish(mut self) -> Model {
        self.batch_normalization();
        let pooled = self.graph.node("GlobalAveragePool", &[&self.value], &[]);
        let flat = self.graph.node("Flatten", &[&pooled], &[]);
        let weight = self.floats(&[5, self.channels], -1.0, 1.0);
        let bias = self.floats(&[5], -1.0, 1.0);
        let logits = self.graph.node("Gemm", &[&flat, &weight, &bias], &[int("transB", 1)]);
        self.graph.output(&logits);
        self.graph.load().unwrap()
    }

    fn floats(&mut self, shape: &[usize], low: f32, high: f32) -> String {
        let values = self.numbers.between(low, high, shape.iter().product());
        self.graph.floats(shape, &values)
    }

    fn convolution(&mut self, window: Window, filters: usize, groups: usize, is_normalized: bool) {
        let window = window.fitting(self.size);
        let inputs = self.channels / groups;
        let shape = [filters, inputs, window.kernel, window.kernel];
        let bound = 1.5 / ((inputs * window.kernel * window.kernel) as f32).sqrt();
        let count: usize = shape.iter().product();
        let mut weight = self.numbers.between(-bound, bound, count);
        let mut bias = self.numbers.between(-0.5, 0.5, filters);
        let statistics = is_normalized.then(|| Statistics::draw(&mut self.numbers, filters));
        if let (Some(statistics), true) = (&statistics, self.folds) {
            statistics.fold(&mut weight, &mut bias);
        }
        let (weight, bias) =
            (self.graph.floats(&shape, &weight), self.graph.floats(&[filters], &bias));
        let [before, after] = window.padding.map(|padding| padding as i64);
        let attributes = [
            ints("pads", &[before, before, after, after]),
            ints("strides", &[window.stride as i64; 2]),
            ints("dilations", &[window.dilation as i64; 2]),
            int("group", groups as i64),
        ];
        self.value = self.graph.node("Conv", &[&self.value, &weight, &bias], &attributes);
        self.channels = filters;
        self.size = window.output(self.size);
        if let (Some(statistics), false) = (statistics, self.folds) {
            self.normalization(&statistics);
        }
    }

    fn batch_normalization(&mut self) {
        let statistics = Statistics::draw(&mut self.numbers, self.channels);
        self.normalization(&statistics);
    }

    fn normalization(&mut self, statistics: &Statistics) {
        let Statistics { scale, shift, mean, variance } = statistics;
        let channels = [scale.len()];
        let per_channel = [1, scale.len(), 1, 1];
        let deviation: Vec<f32> = variance.iter().map(|v| (v + EPSILON).sqrt()).collect();
        let (g, h) = statistics.slope_and_intercept();
        let graph = &mut self.graph;
        self.value = match self.spelling {
            Spelling::Node => {
                let stored = [scale, shift, mean, variance].map(|v| graph.floats(&channels, v));
                let [scale, shift, mean, variance] = &stored;
                let inputs = [&self.value, scale, shift, mean, variance].map(String::as_str);
                graph.node("BatchNormalization", &inputs, &[float("epsilon", EPSILON)])
            }
            Spelling::MulAdd => {
                let (g, h) = (graph.floats(&per_channel, &g), graph.floats(&per_channel, &h));
                let scaled = graph.node("Mul", &[&self.value, &g], &[]);
                graph.node("Add", &[&h, &scaled], &[])
            }
            Spelling::SubDivMulAdd => {
                let steps = [("Sub", mean), ("Div", &deviation), ("Mul", scale), ("Add", shift)];
                steps.into_iter().fold(self.value.clone(), |value, (op, numbers)| {
                    let numbers = graph.floats(&per_channel, numbers);
                    graph.node(op, &[&value, &numbers], &[])
                })
            }
        };
    }

    fn activation(&mut self, activation: Activation) {
        let number = |graph: &mut Graph, value: f32| graph.floats(&[], &[value]);
        let graph = &mut self.graph;
        let x = self.value.clone();
        self.value = match activation {
            Activation::None => x,
            Activation::Relu => graph.node("Relu", &[&x], &[]),
            Activation::Relu6 => {
                let (zero, six) = (number(graph, 0.0), number(graph, 6.0));
                graph.node("Clip", &[&x, &zero, &six], &[])
            }
            Activation::Silu => {
                let gate = graph.node("Sigmoid", &[&x], &[]);
                graph.node("Mul", &[&x, &gate], &[])
            }
            Activation::HardSwish => {
                let numbers = [3.0, 0.0, 6.0].map(|value| number(graph, value));
                let [three, zero, six] = &numbers;
                let shifted = graph.node("Add", &[&x, three], &[]);
                let clipped = graph.node("Clip", &[&shifted, zero, six], &[]);
                let product = graph.node("Mul", &[&x, &clipped], &[]);
                graph.node("Div", &[&product, six], &[])
            }
        };
    }
}

pub const POINT: Window = Window { kernel: 1, stride: 1, padding: [0, 0], dilation: 1 };
const SAME: Window = Window { kernel: 3, stride: 1, padding: [1, 1], dilation: 1 };

impl Window {
    fn output(&self, size: usize) -> usize {
        let reach = (self.kernel - 1) * self.dilation + 1;
        (size + self.padding[0] + self.padding[1] - reach) / self.stride + 1
    }

    /// The window, or a point where it does not fit.
    fn fitting(self, size: usize) -> Window {
        let reach = (self.kernel - 1) * self.dilation + 1;
        if size + self.padding[0] + self.padding[1] >= reach { self } else { POINT }
    }
}

/// What a BatchNormalization holds.
struct Statistics {
    scale: Vec<f32>,
    shift: Vec<f32>,
    mean: Vec<f32>,
    variance: Vec<f32>,
}

impl Statistics {
    /// One scale in six is 0, and half of the others are negative.
    fn draw(numbers: &mut Numbers, channels: usize) -> Statistics {
        let signs = numbers.between(0.0, 1.0, channels);
        let sizes = numbers.between(0.3, 1.5, channels);
        let scale = signs.iter().zip(sizes).map(|(&sign, size)| match sign {
            sign if sign < 1.0 / 6.0 => 0.0,
            sign if sign < 0.55 => -size,
            _ => size,
        });
        Statistics {
            scale: scale.collect(),
            shift: numbers.between(-0.5, 0.5, channels),
            mean: numbers.between(-0.5, 0.5, channels),
            variance: numbers.between(0.3, 2.0, channels),
        }
    }

    fn slope_and_intercept(&self) -> (Vec<f32>, Vec<f32>) {
        let slopes = self.scale.iter().zip(&self.variance);
        let g: Vec<f32> = slopes.map(|(scale, v)| scale / (v + EPSILON).sqrt()).collect();
        let h = g.iter().zip(&self.mean).zip(&self.shift).map(|((g, m), shift)| shift - m * g);
        (g.clone(), h.collect())
    }

    /// `W' = g W`, `b' = g b + h`.
    fn fold(&self, weight: &mut [f32], bias: &mut [f32]) {
        let (g, h) = self.slope_and_intercept();
        for (filter, &g) in weight.chunks_mut(weight.len() / g.len()).zip(&g) {
            filter.iter_mut().for_each(|weight| *weight *= g);
        }
        for ((bias, g), h) in bias.iter_mut().zip(g).zip(h) {
            *bias = g * *bias + h;
        }
    }
}
