//! Products of matrices.

use std::collections::BTreeMap;

use anyhow::{Result, bail, ensure};
use tract_onnx::pb::tensor_proto::DataType;

use super::elementwise::broadcast_shapes;
use super::node::Node;
use super::value::Value;

/// `MatMul`.
pub(super) fn matrix_product(node: &Node) -> Result<Vec<Value>> {
    let number_type = node.input(0)?.number_type;
    Ok(vec![Value { number_type, ..product(node, 1)? }])
}

/// `MatMulInteger`.
pub(super) fn integer_product(node: &Node) -> Result<Vec<Value>> {
    Ok(vec![product(node, 1)?.typed(DataType::Int32)])
}

/// `QLinearMatMul`: the second matrix is input 3.
pub(super) fn quantized_product(node: &Node) -> Result<Vec<Value>> {
    let number_type = node.input(0)?.number_type;
    Ok(vec![Value { number_type, ..product(node, 3)? }])
}

fn product(node: &Node, slot: usize) -> Result<Value> {
    let (Some(a), Some(b)) = (node.shape(0)?, node.shape(slot)?) else {
        return Ok(Value::unknown());
    };
    ensure!(
        !a.is_empty() && !b.is_empty(),
        "its inputs have the shapes {a:?} and {b:?}, of which one has no axes"
    );
    // A vector is a row before, a column behind.
    let (is_row, is_column) = (a.len() == 1, b.len() == 1);
    let a_matrix = if is_row { vec![1, a[0]] } else { a.to_vec() };
    let b_matrix = if is_column { vec![b[0], 1] } else { b.to_vec() };
    let (a_batch, [rows, inner]) = split(&a_matrix)?;
    let (b_batch, [other, columns]) = split(&b_matrix)?;
    ensure!(
        inner == other,
        "its inputs have the shapes {a:?} and {b:?}: {inner} columns meet {other} rows"
    );
    let mut shape = broadcast_shapes(a_batch, b_batch)?;
    shape.extend((!is_row).then_some(rows));
    shape.extend((!is_column).then_some(columns));
    Ok(Value::of(shape))
}

fn split(shape: &[usize]) -> Result<(&[usize], [usize; 2])> {
    match shape {
        [batch @ .., rows, columns] => Ok((batch, [*rows, *columns])),
        _ => bail!("a matrix of the shape {shape:?}"),
    }
}

/// `Gemm`.
pub(super) fn general_product(node: &Node) -> Result<Vec<Value>> {
    node.check_finite("alpha")?;
    node.check_finite("beta")?;
    let number_type = node.input(0)?.number_type;
    let (Some(a), Some(b)) = (node.shape(0)?, node.shape(1)?) else {
        return Ok(vec![Value { number_type, ..Value::unknown() }]);
    };
    let (&[a0, a1], &[b0, b1]) = (a, b) else {
        bail!("its inputs have the shapes {a:?} and {b:?}, but must be matrices");
    };
    let [rows, inner] = if node.flag("transA", false)? { [a1, a0] } else { [a0, a1] };
    let [other, columns] = if node.flag("transB", false)? { [b1, b0] } else { [b0, b1] };
    ensure!(
        inner == other,
        "its inputs have the shapes {a:?} and {b:?}: {inner} columns meet {other} rows"
    );
    let shape = vec![rows, columns];
    if let Some(c) = node.optional_shape(2).filter(|_| node.opset >= 7) {
        let fits = broadcast_shapes(&shape, c).is_ok_and(|both| both == shape);
        ensure!(fits, "its input C has the shape {c:?}, which cannot be repeated to {shape:?}");
    }
    Ok(vec![Value { number_type, ..Value::of(shape) }])
}

/// `Einsum`.
pub(super) fn einsum(node: &Node) -> Result<Vec<Value>> {
    let Some(equation) = node.word("equation")? else { bail!("its attribute equation is missing") };
    let equation: String = equation.chars().filter(|letter| !letter.is_whitespace()).collect();
    let (left, right) = match equation.split_once("->") {
        Some((left, right)) => (left, Some(right)),
        None => (equation.as_str(), None),
    };
    let terms: Vec<&str> = left.split(',').collect();
    ensure!(
        terms.len() == node.inputs.len(),
        "equation {equation:?} is for {} inputs, but it has {}",
        terms.len(),
        node.inputs.len()
    );
    if equation.contains('.') {
        return Ok(vec![Value::unknown()]);
    }
    let mut lengths: BTreeMap<char, usize> = BTreeMap::new();
    for (slot, term) in terms.iter().enumerate() {
        let Some(shape) = node.shape(slot)? else { return Ok(vec![Value::unknown()]) };
        let letters: Vec<char> = term.chars().collect();
        ensure!(
            letters.len() == shape.len(),
            "equation {equation:?} names {} axes of input {slot}, which has the shape {shape:?}",
            letters.len()
        );
        for (letter, &length) in letters.into_iter().zip(shape) {
            let known = lengths.entry(letter).or_insert(length);
            ensure!(
                *known == length || *known == 1 || length == 1,
                "equation {equation:?}: {letter} is an axis of {known} and one of {length} elements"
            );
            *known = (*known).max(length);
        }
    }
    let once = |letter: &char| left.matches(*letter).count() == 1;
    let result: Vec<char> = match right {
        Some(right) => right.chars().collect(),
        None => lengths.keys().copied().filter(once).collect(),
    };
    let mut shape = vec![];
    for letter in result {
        let Some(&length) = lengths.get(&letter) else {
            bail!("equation {equation:?}: {letter} is in the result, but in no input");
        };
        shape.push(length);
    }
    Ok(vec![Value { number_type: node.input(0)?.number_type, ..Value::of(shape) }])
}
