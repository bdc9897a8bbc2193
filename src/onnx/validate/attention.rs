//! Attention, and what is done to its queries and keys.

use anyhow::{Result, bail, ensure};

use super::moves::moved;
use super::node::Node;
use super::value::Value;

/// The elements of each of some heads, which lie side by side on the last axis.
fn per_head(shape: &[usize], heads: usize, what: &str) -> Result<usize> {
    let width = shape.last().copied().unwrap_or_default();
    ensure!(
        heads >= 1 && width % heads == 0,
        "its {what} have the shape {shape:?}, of which the last axis is no {heads} heads"
    );
    Ok(width / heads)
}

/// `Attention` of the standard: `[N, heads, positions, features]`, or heads side by side.
pub(super) fn attention(node: &Node) -> Result<Vec<Value>> {
    let unknown = vec![Value::unknown(); node.output_count().max(1)];
    let heads = |name: &str| node.int(name)?.map(|_| node.int_from(name, 1, 1)).transpose();
    let (of_queries, of_keys) = (heads("q_num_heads")?, heads("kv_num_heads")?);
    for name in ["scale", "softcap"] {
        node.check_finite(name)?;
    }
    let mut shapes = vec![];
    for slot in 0..3 {
        let Some(shape) = node.shape(slot)? else { return Ok(unknown) };
        ensure!(
            (3..=4).contains(&shape.len()),
            "its input {slot} has the shape {shape:?}, but needs 3 or 4 axes"
        );
        shapes.push(shape);
    }
    let [queries, keys, values] = shapes[..] else { return Ok(unknown) };
    if [queries, keys, values].iter().any(|shape| shape.len() == 4) {
        return Ok(unknown);
    }
    let (Some(of_queries), Some(of_keys)) = (of_queries, of_keys) else {
        bail!("q_num_heads or kv_num_heads is missing, which inputs of 3 axes need");
    };
    let width = per_head(queries, of_queries, "queries")?;
    ensure!(
        per_head(keys, of_keys, "keys")? == width,
        "its queries {queries:?} of {of_queries} heads do not fit its keys {keys:?} of {of_keys}"
    );
    let of_value = per_head(values, of_keys, "values")?;
    ensure!(
        of_queries % of_keys == 0,
        "its {of_queries} heads of queries are no multiple of its {of_keys} heads of keys"
    );
    let mut outputs = unknown;
    outputs[0] = Value::of(vec![queries[0], queries[1], of_queries * of_value]);
    Ok(outputs)
}

/// `MultiHeadAttention` and `Attention` of onnxruntime.
pub(super) fn fused(node: &Node) -> Result<Vec<Value>> {
    let heads = node.int_from("num_heads", 1, 0)?;
    let queries = node.shape(0)?;
    let is_product = node.proto.op_type == "Attention";
    if let Some(queries) = queries.filter(|queries| queries.len() == 3 && !is_product) {
        per_head(queries, heads, "queries")?;
    }
    if let Some(weight) = node.optional_shape(1).filter(|_| is_product) {
        ensure!(weight.len() == 2, "its weight has the shape {weight:?}, but needs 2 axes");
        let parts = node.ints("qkv_hidden_sizes")?;
        let widths = parts.map_or(vec![weight[1] as i64], <[i64]>::to_vec);
        let parts = if parts.is_some() { 1 } else { 3 };
        for width in widths {
            let width = usize::try_from(width)?;
            let count = heads.checked_mul(parts).filter(|count| width % count == 0);
            ensure!(count.is_some(), "its weight {weight:?} is none of {heads} heads");
        }
    }
    Ok(vec![Value::unknown(); node.output_count().max(1)])
}

/// `RotaryEmbedding`.
pub(super) fn rotary(node: &Node) -> Result<Vec<Value>> {
    let input = node.input(0)?;
    let heads = node.int_from("num_heads", 0, 0)?;
    let turned = node.int_from("rotary_embedding_dim", 0, 0)?;
    let Some(shape) = &input.shape else { return Ok(vec![moved(input, None)]) };
    let width = match shape.len() {
        3 => per_head(shape, heads, "signals")?,
        4 => shape[3],
        _ => bail!("its input has the shape {shape:?}, but needs 3 or 4 axes"),
    };
    ensure!(
        turned <= width && turned % 2 == 0 && (turned > 0 || width % 2 == 0),
        "it turns {} of the {width} features of a head: pairs of them",
        if turned > 0 { turned } else { width }
    );
    let rows = node.optional_shape(1).and_then(|cosines| cosines.first().copied());
    let positions = node.optional(3).and_then(Value::whole_numbers).unwrap_or_default();
    if let Some(rows) = rows {
        for position in positions {
            ensure!(
                usize::try_from(position).is_ok_and(|position| position < rows),
                "it takes row {position} of its table of {rows} rows"
            );
        }
    }
    Ok(vec![moved(input, shape.clone())])
}
