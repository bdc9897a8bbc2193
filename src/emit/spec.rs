//! What a graph is asked for: its inputs, the class that it explains, its outputs.

use crate::explain::{End, Initial};

use super::graph::Dialect;

/// A graph to be made of a program.
#[derive(Clone, Debug)]
pub struct Spec {
    /// The inputs of the graph, one for every input of the network.
    pub inputs: Vec<GraphInput>,
    /// Which class is explained.
    pub target: Target,
    /// The class that it is explained against.
    pub against: Option<Rival>,
    /// How much relevance is put in at the class.
    pub initial: Initial,
    /// Where relevance ends.
    pub end: End,
    /// What is done with the relevance that arrives.
    pub finish: Finish,
    /// What the graph puts out, in this order.
    pub outputs: Vec<Output>,
    /// The operators that it may use.
    pub dialect: Dialect,
    /// Key and value of everything that the file says about itself.
    pub metadata: Vec<(String, String)>,
}

/// An input of the graph.
#[derive(Clone, Debug)]
pub struct GraphInput {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub content: InputContent,
    /// The axis of the network's input on which the channels are, for heatmaps.
    pub channel_axis: Option<usize>,
}

/// What an input of the graph holds.
#[derive(Clone, Debug)]
pub enum InputContent {
    /// The network's own input, `float32`.
    Floats,
    /// The network's own input in bytes, `uint8`.
    Bytes,
    /// A decoded picture, `uint8` `[N, height, width, channels]`: see [`Picture`].
    Picture(Picture),
}

/// How a decoded picture becomes the network's input: `x = factor · byte + summand` per channel.
#[derive(Clone, Debug)]
pub struct Picture {
    /// Factors, in the order of the network's channels.
    pub factors: Vec<f32>,
    /// Summands, in the order of the network's channels.
    pub summands: Vec<f32>,
    /// Whether the network has the channels in the reverse order (BGR).
    pub is_reversed: bool,
    /// Whether the network has the channels in front of height and width.
    pub has_channels_first: bool,
}

/// The class that a graph explains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// What the input `target` (int64 `[N]`) says for each picture; −1 is the strongest class.
    Input,
    /// The strongest class.
    Top,
    /// Always the same class.
    Class(usize),
}

/// The class that another one is explained against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rival {
    /// The strongest of the others.
    Top,
    /// Always the same class.
    Class(usize),
}

/// What is done with the relevance that arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finish {
    /// Nothing.
    AsItIs,
    /// Its absolute value.
    Magnitude,
    /// It is multiplied with the input.
    TimesInput,
}

/// An output of a graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Output {
    /// `logits`, `[N, classes]`.
    Logits,
    /// `relevance`, in the shape of the input; one for each input where there are several: `relevance.NAME`.
    Relevance,
    /// `heatmap`, the sum of relevance over the channels: `[N, height, width]`.
    Heatmap,
    /// `absorbed`, `[N]`: what was put in less what arrived, which biases, stabilizers and constants took.
    Absorbed,
}

impl Output {
    /// All outputs, in the order in which they are listed.
    pub const ALL: [Output; 4] =
        [Output::Logits, Output::Relevance, Output::Heatmap, Output::Absorbed];

    /// Its name in the graph.
    pub fn name(self) -> &'static str {
        match self {
            Output::Logits => "logits",
            Output::Relevance => "relevance",
            Output::Heatmap => "heatmap",
            Output::Absorbed => "absorbed",
        }
    }
}

/// The name of the input that says which class is explained.
pub const TARGET: &str = "target";
