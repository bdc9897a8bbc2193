//! A method and its parameters, for people.

use std::fmt::Display;

use serde_json::Value;

/// The method and its parameters in a line: `smoothgrad (base gradient, samples 50, ...)`.
pub fn described(method: &str, parameters: &Value) -> String {
    let word = |(name, value): (&String, &Value)| {
        let name = name.replace('_', " ");
        match value {
            Value::Null => None,
            Value::Object(_) => {
                Some(described(&name, value)).filter(|described| *described != name)
            }
            Value::String(text) => Some(format!("{name} {text}")),
            Value::Array(sides) => {
                let sides: Vec<String> = sides.iter().map(ToString::to_string).collect();
                Some(format!("{name} {}", sides.join(" x ")))
            }
            value => Some(format!("{name} {}", rounded(value))),
        }
    };
    let words: Vec<String> =
        parameters.as_object().into_iter().flatten().filter_map(word).collect();
    if words.is_empty() { method.to_string() } else { format!("{method} ({})", words.join(", ")) }
}

/// A number with the digits that `f32` has.
fn rounded(value: &Value) -> impl Display {
    match value.as_f64() {
        Some(number) if value.is_f64() => (number as f32).to_string(),
        _ => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::method::{GradCam, IntegratedGradients, Method, NoiseGrad, Occlusion, SmoothGrad};

    #[test]
    fn a_method_is_told_in_a_line() {
        let method = Method::from(SmoothGrad { noise_level: 0.1, ..SmoothGrad::default() });
        let line = described(method.name(), &method.parameters());
        assert_eq!(line, "smoothgrad (base gradient, noise level 0.1, samples 50, seed 0)");
        let method = Method::from(Occlusion { patch: Some([9, 9]), ..Occlusion::default() });
        let line = described(method.name(), &method.parameters());
        assert_eq!(line, "occlusion (fill mean, patch 9 x 9)");
        let path = IntegratedGradients { steps: 9, ..IntegratedGradients::default() };
        let method = Method::from(NoiseGrad { base: path.into(), ..NoiseGrad::default() });
        let line = described(method.name(), &method.parameters());
        let base = "base integrated-gradients, base parameters (baseline zero, quadrature gauss-legendre, steps 9)";
        assert_eq!(line, format!("noisegrad ({base}, samples 25, seed 0, weight noise 0.2)"));
        let base = GradCam::default().into();
        let method = Method::from(SmoothGrad { base, ..SmoothGrad::default() });
        let line = described(method.name(), &method.parameters());
        assert_eq!(line, "smoothgrad (base grad-cam, noise level 0.15, samples 50, seed 0)");
        assert_eq!(described("lrp", &Method::default().parameters()), "lrp");
    }
}
