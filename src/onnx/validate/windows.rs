//! Convolutions and poolings: windows that slide over the positions of a map.

use anyhow::{Result, bail, ensure};

use super::node::{Node, check_length};
use super::value::{Value, element_count};

/// Windows of more elements must be few.
const LARGE_WINDOW: u128 = 1024;

/// The most elements that large windows may read, all together: some seconds of work.
const MOST_TAPS: u128 = 1 << 32;

/// The windows of a node, for each axis of positions.
pub(super) struct Windows {
    kernel: Vec<i128>,
    pub strides: Vec<i128>,
    dilations: Vec<i128>,
    /// In front of and behind the positions; `None` where `auto_pad` says it.
    pub pads: Option<Vec<[i128; 2]>>,
    auto_pad: &'static str,
    rounds_up: bool,
}

impl Windows {
    pub fn of(node: &Node, kernel: &[usize]) -> Result<Windows> {
        let count = kernel.len();
        let list = |name: &str| -> Result<Vec<i128>> {
            let Some(numbers) = node.ints(name)? else { return Ok(vec![1; count]) };
            check_length(numbers, count, name, "its kernel")?;
            ensure!(
                numbers.iter().all(|&number| number >= 1),
                "{name} {numbers:?}: every one must be at least 1"
            );
            Ok(numbers.iter().map(|&number| number.into()).collect())
        };
        let auto_pad = node.choice("auto_pad", &["NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"])?;
        let pads = match node.ints("pads")? {
            Some(pads) if auto_pad == "NOTSET" => {
                check_length(pads, 2 * count, "pads", "its kernel")?;
                ensure!(pads.iter().all(|&pad| pad >= 0), "pads {pads:?}: none may be negative");
                let sides = (0..count).map(|axis| [pads[axis].into(), pads[count + axis].into()]);
                Some(sides.collect())
            }
            // Beside SAME, exporters write the pads that come of it.
            Some(pads) if auto_pad == "VALID" && pads.iter().any(|&pad| pad != 0) => {
                bail!(
                    "it has both pads {pads:?} and auto_pad {auto_pad}: one of them must be meant"
                )
            }
            _ => (!auto_pad.starts_with("SAME")).then(|| vec![[0, 0]; count]),
        };
        Ok(Windows {
            kernel: kernel.iter().map(|&length| length as i128).collect(),
            strides: list("strides")?,
            dilations: list("dilations")?,
            pads,
            auto_pad,
            rounds_up: node.flag("ceil_mode", false)?,
        })
    }

    /// From the first to behind the last element of a window.
    fn extent(&self, axis: usize) -> i128 {
        (self.kernel[axis] - 1) * self.dilations[axis] + 1
    }

    /// How many windows fit on each axis; `None` where versions of onnxruntime differ.
    pub fn counts(&self, positions: &[usize]) -> Result<Option<Vec<usize>>> {
        check_length(positions, self.kernel.len(), "the positions of its input", "its kernel")?;
        let mut counts = vec![];
        for (axis, &length) in positions.iter().enumerate() {
            let (length, stride) = (length as i128, self.strides[axis]);
            let Some(pads) = &self.pads else {
                let count = (length + stride - 1) / stride;
                let padded = (count - 1) * stride + self.extent(axis) - length;
                // onnxruntime begins behind the first element, TensorFlow at it.
                ensure!(
                    padded > -2 || length == 0,
                    "auto_pad {} with a stride of {stride} and a window of {} leaves out elements of axis {}, which programs \
                     do differently: write pads in its place",
                    self.auto_pad,
                    self.extent(axis),
                    axis + 2
                );
                counts.push(to_length(count)?);
                continue;
            };
            let [begin, end] = pads[axis];
            let room = length + begin + end - self.extent(axis);
            let mut count = room.div_euclid(stride) + 1;
            if self.rounds_up && room.rem_euclid(stride) != 0 {
                if count * stride >= length + begin {
                    return Ok(None);
                }
                count += 1;
            }
            ensure!(
                count >= 1,
                "its window of {} (kernel {}, dilation {}) is larger than the {length} elements of axis {} of its input \
                 with {} of padding",
                self.extent(axis),
                self.kernel[axis],
                self.dilations[axis],
                axis + 2,
                begin + end
            );
            counts.push(to_length(count)?);
        }
        Ok(Some(counts))
    }
}

pub(super) fn to_length(length: i128) -> Result<usize> {
    match usize::try_from(length) {
        Ok(length) => Ok(length),
        Err(_) => bail!("its output would have an axis of {length} elements"),
    }
}

/// The lengths of `kernel_shape`, which must be there unless the weight has them.
pub(super) fn kernel(node: &Node, of_weight: Option<&[usize]>) -> Result<Option<Vec<usize>>> {
    let Some(given) = node.ints("kernel_shape")? else {
        if let Some(lengths) = of_weight {
            ensure!(
                lengths.iter().all(|&length| length >= 1),
                "the kernel of its weight is {lengths:?}: every length must be at least 1"
            );
        }
        return Ok(of_weight.map(<[usize]>::to_vec));
    };
    let lengths: Vec<usize> =
        given.iter().map(|&length| usize::try_from(length).unwrap_or(0)).collect();
    ensure!(
        lengths.iter().all(|&length| length >= 1),
        "kernel_shape {given:?}: every length must be at least 1"
    );
    if let Some(stored) = of_weight {
        ensure!(
            stored == lengths,
            "kernel_shape {given:?} differs from that of its weight, {stored:?}"
        );
    }
    Ok(Some(lengths))
}

/// `Conv` and what differs from it in the number type only; the weight is input 1.
pub(super) fn convolution(node: &Node) -> Result<Vec<Value>> {
    convolved(node, 1)
}

/// `QLinearConv`: the weight is input 3.
pub(super) fn quantized_convolution(node: &Node) -> Result<Vec<Value>> {
    convolved(node, 3)
}

fn convolved(node: &Node, slot: usize) -> Result<Vec<Value>> {
    let group = node.int_from("group", 1, 1)?;
    let weight = node.shape(slot)?;
    if let Some(weight) = weight {
        ensure!(
            weight.len() >= 3,
            "its weight has the shape {weight:?}, but needs at least 3 axes"
        );
        ensure!(
            weight[0] % group == 0,
            "group is {group}, which does not divide the {} filters of its weight {weight:?}",
            weight[0]
        );
    }
    let Some(kernel) = kernel(node, weight.map(|weight| &weight[2..]))? else {
        return Ok(vec![Value::unknown()]);
    };
    let windows = Windows::of(node, &kernel)?;
    let Some(input) = node.shape(0)? else { return Ok(vec![Value::unknown()]) };
    ensure!(input.len() >= 3, "its input has the shape {input:?}, but needs at least 3 axes");
    if let Some(weight) = weight {
        ensure!(
            weight[1].checked_mul(group) == Some(input[1]),
            "its input {input:?} has {} channels, but its weight {weight:?} takes {} in {group} group{}",
            input[1],
            weight[1] as u128 * group as u128,
            if group == 1 { "" } else { "s" }
        );
        check_bias(node, slot, weight[0])?;
    }
    let counts = windows.counts(&input[2..])?;
    let shape =
        counts.zip(weight).map(|(counts, weight)| [&[input[0], weight[0]], &counts[..]].concat());
    Ok(vec![Value::of(shape)])
}

fn check_bias(node: &Node, slot: usize, filters: usize) -> Result<()> {
    let bias = if slot == 1 { node.optional_shape(2) } else { node.optional_shape(8) };
    // Input 2 of a `ConvInteger` is a zero point.
    let bias = bias.filter(|_| node.proto.op_type != "ConvInteger");
    match bias {
        Some(bias) if bias != [filters] => {
            bail!("its bias has the shape {bias:?}, but its weight has {filters} filters")
        }
        _ => Ok(()),
    }
}

/// `ConvTranspose`.
pub(super) fn transposed_convolution(node: &Node) -> Result<Vec<Value>> {
    let group = node.int_from("group", 1, 1)?;
    let weight = node.shape(1)?;
    if let Some(weight) = weight {
        ensure!(
            weight.len() >= 3,
            "its weight has the shape {weight:?}, but needs at least 3 axes"
        );
        ensure!(
            weight[0] % group == 0,
            "group is {group}, which does not divide the {} channels of its weight {weight:?}",
            weight[0]
        );
    }
    let Some(kernel) = kernel(node, weight.map(|weight| &weight[2..]))? else {
        return Ok(vec![Value::unknown()]);
    };
    let windows = Windows::of(node, &kernel)?;
    let count = kernel.len();
    let more = match node.ints("output_padding")? {
        Some(more) => {
            check_length(more, count, "output_padding", "its kernel")?;
            ensure!(
                more.iter().all(|&pad| pad >= 0),
                "output_padding {more:?}: none may be negative"
            );
            more.to_vec()
        }
        None => vec![0; count],
    };
    let (Some(input), Some(weight)) = (node.shape(0)?, weight) else {
        let asked = node.ints("output_shape")?.unwrap_or_default();
        return Ok(vec![Value::unknown().at_least(asked.iter().copied())]);
    };
    ensure!(input.len() >= 3, "its input has the shape {input:?}, but needs at least 3 axes");
    ensure!(
        weight[0] == input[1],
        "its input {input:?} has {} channels, but its weight {weight:?} takes {}",
        input[1],
        weight[0]
    );
    check_length(&input[2..], count, "the positions of its input", "its kernel")?;
    let channels = weight[1].checked_mul(group);
    let Some(channels) = channels else {
        bail!("its output would have more channels than can be counted")
    };
    check_bias(node, 1, channels)?;
    let mut shape = vec![input[0], channels];
    if let Some(asked) = node.ints("output_shape")? {
        ensure!(
            asked.iter().all(|&length| length >= 1),
            "output_shape {asked:?}: every length must be at least 1"
        );
        // Some exporters write the first two axes too.
        let asked = if asked.len() == count + 2 { &asked[2..] } else { asked };
        check_length(asked, count, "output_shape", "its kernel")?;
        shape.extend(asked.iter().map(|&length| length as usize));
        return Ok(vec![Value::of(shape)]);
    }
    for axis in 0..count {
        let (length, stride) = (input[2 + axis] as i128, windows.strides[axis]);
        let whole = stride * (length - 1) + i128::from(more[axis]) + windows.extent(axis);
        let whole = match &windows.pads {
            Some(pads) => whole - pads[axis][0] - pads[axis][1],
            None => length * stride,
        };
        ensure!(
            whole >= 1,
            "its pads take away all {length} elements of axis {} of its input",
            axis + 2
        );
        shape.push(to_length(whole)?);
    }
    Ok(vec![Value::of(shape)])
}

/// `AveragePool`, `MaxPool`, `LpPool`.
pub(super) fn pool(node: &Node) -> Result<Vec<Value>> {
    let Some(kernel) = kernel(node, None)? else { bail!("its attribute kernel_shape is missing") };
    let windows = Windows::of(node, &kernel)?;
    if let Some(pads) = &windows.pads {
        for (axis, sides) in pads.iter().enumerate() {
            ensure!(
                sides.iter().all(|&pad| pad < windows.extent(axis)),
                "pads of {sides:?} on axis {} are not smaller than its window of {}: some windows would hold padding only",
                axis + 2,
                windows.extent(axis)
            );
        }
    }
    if let Some(order) = node.int("storage_order")? {
        ensure!([0, 1].contains(&order), "storage_order is {order}, but must be 0 or 1");
    }
    if node.int("p")?.is_some_and(|p| p < 1) {
        bail!("p is {}, but must be at least 1", node.int("p")?.unwrap_or_default());
    }
    let Some(input) = node.shape(0)? else { return Ok(vec![Value::unknown(); 2]) };
    ensure!(input.len() >= 3, "its input has the shape {input:?}, but needs at least 3 axes");
    if windows.auto_pad.starts_with("SAME") {
        let dilations = &windows.dilations;
        ensure!(
            dilations.iter().all(|&dilation| dilation == 1),
            "auto_pad {} with dilations {dilations:?} is read differently from one program to the next: write pads in its \
             place",
            windows.auto_pad
        );
        // Windows may be larger than the input, which is padded.
        ensure!(input[2..].iter().all(|&length| length >= 1), "its input {input:?} is empty");
    }
    let counts = windows.counts(&input[2..])?;
    let shape = counts.map(|counts| [&input[..2], &counts[..]].concat());
    if let Some(shape) = &shape {
        check_taps(&kernel, shape)?;
    }
    Ok(vec![Value::of(shape.clone()), Value::of(shape)])
}

/// A few bytes can ask for windows that take hours: windows that are large and many are refused.
fn check_taps(kernel: &[usize], output: &[usize]) -> Result<()> {
    let (taps, windows) = (element_count(kernel), element_count(output));
    let read = taps.saturating_mul(windows);
    ensure!(
        taps <= LARGE_WINDOW || read <= MOST_TAPS,
        "its {windows} windows of {kernel:?} elements would read {:.1e} elements; windows of more than {LARGE_WINDOW} may \
         read {MOST_TAPS} together",
        read as f64
    );
    Ok(())
}

/// `GlobalAveragePool` and its like.
pub(super) fn global_pool(node: &Node) -> Result<Vec<Value>> {
    let Some(input) = node.shape(0)? else { return Ok(vec![Value::unknown()]) };
    ensure!(input.len() >= 2, "its input has the shape {input:?}, but needs at least 2 axes");
    let ones = vec![1; input.len() - 2];
    Ok(vec![Value::of([&input[..2], &ones[..]].concat())])
}
