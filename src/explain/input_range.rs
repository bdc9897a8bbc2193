//! The lowest and highest value that the network's input can have, for the z-box rule.

/// Lowest and highest value of the input, one number or one per channel.
#[derive(Clone, Debug, PartialEq)]
pub struct InputRange {
    /// The lowest values.
    pub low: Vec<f32>,
    /// The highest values.
    pub high: Vec<f32>,
    /// The axis of the input on which the channels are.
    pub channel_axis: usize,
}
