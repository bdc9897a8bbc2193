//! Operators that no relevance rule is known for, and how they are reported.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::{Result, ensure};

use super::Layer;

/// Why no relevance rule is known for a layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown {
    /// What is missing.
    pub reason: &'static str,
    /// Whether the layer can at least be run and differentiated.
    pub has_gradient: bool,
    /// Whether the user allows the gradient instead of a rule.
    pub is_allowed: bool,
}

impl Unknown {
    /// A layer that can be run and differentiated.
    pub(super) fn with_gradient(reason: &'static str) -> Unknown {
        Unknown { reason, has_gradient: true, is_allowed: false }
    }
}

/// An ONNX node that cannot be explained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UnknownOp {
    /// The operator type, as ONNX spells it.
    pub op_type: String,
    /// The node's name.
    pub name: String,
    /// What is missing.
    pub reason: String,
    /// Whether the operator can at least be run and differentiated.
    pub has_gradient: bool,
}

impl UnknownOp {
    /// The node of a layer for which no rule is known; `None` if there is one, or if the gradient is allowed.
    pub fn of(layer: &Layer) -> Option<UnknownOp> {
        let unknown = layer.unknown.as_ref()?;
        let will_do = unknown.has_gradient && unknown.is_allowed;
        (!will_do).then(|| UnknownOp {
            op_type: layer.op_type.clone(),
            name: layer.name.clone(),
            reason: unknown.reason.to_string(),
            has_gradient: unknown.has_gradient,
        })
    }
}

/// Fails if there are unknown operators; the message names all of them. `lack` completes the sentence "this model uses
/// operators that onnxplain ...".
///
/// # Errors
/// When there are any.
pub(crate) fn refuse(unknown: &[UnknownOp], lack: &str) -> Result<()> {
    ensure!(
        unknown.is_empty(),
        "this model uses operators that onnxplain {lack}:{}",
        UnknownOps(unknown)
    );
    Ok(())
}

/// Lists unknown operators, one per line: operator type, reason, nodes.
struct UnknownOps<'a>(pub &'a [UnknownOp]);

impl fmt::Display for UnknownOps<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut by_type: BTreeMap<(&str, &str, bool), Vec<&str>> = BTreeMap::new();
        for op in self.0 {
            let nodes = by_type.entry((&op.op_type, &op.reason, op.has_gradient)).or_default();
            nodes.push(&op.name);
        }
        for ((op_type, reason, has_gradient), nodes) in by_type {
            write!(f, "\n  {op_type} ({reason}): {}", nodes.join(", "))?;
            if has_gradient {
                write!(f, "; `--allow-gradient {op_type}` lets it pass the gradient")?;
            }
        }
        Ok(())
    }
}
