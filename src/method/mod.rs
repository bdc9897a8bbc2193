//! Attribution methods: relevance propagation, gradients, noise around both, and black boxes.
//!
//! Stands above [`explain`](crate::explain): every gradient is a propagation by gradient rules,
//! there is no second backward engine. A method is a file that implements `Attribute`: from a
//! point of the input space to relevance there. Methods that average call it at many points or
//! for many networks; samples run on all threads and are summed in their own order, so results
//! do not depend on the threads.

mod adaptation;
mod adaptive;
mod deconvnet;
mod excitation_backprop;
mod explanation;
mod fusion_grad;
mod grad_cam;
mod gradient;
mod guided_backprop;
mod input_info;
mod input_x_gradient;
mod integrated_gradients;
mod lrp;
mod noise_grad;
mod occlusion;
mod prepared;
mod quadrature;
mod rise;
mod saliency;
mod smooth_grad;
mod smooth_taylor;
mod subject;
mod workers;

use serde::{Serialize, Serializer};
use serde_json::Value;

pub use adaptation::{Adaptation, Objective};
pub use explanation::{Completeness, Explanation, Sums};
pub use fusion_grad::FusionGrad;
pub use grad_cam::GradCam;
pub use input_info::{Fill, InputInfo};
pub use integrated_gradients::IntegratedGradients;
pub use noise_grad::NoiseGrad;
pub use occlusion::Occlusion;
pub use prepared::{PreparedMethod, Setup};
pub use quadrature::Quadrature;
pub use rise::Rise;
pub use smooth_grad::SmoothGrad;
pub use smooth_taylor::SmoothTaylor;
pub use subject::{Point, Question};
pub use workers::{Cancelled, Unwatched, Watch};

use self::prepared::Perturbation;
use self::subject::Attribute;

/// An attribution method with its parameters.
#[derive(Clone, Debug, PartialEq)]
pub enum Method {
    /// Layer-wise relevance propagation, by a composite.
    Lrp,
    /// ∂f/∂x.
    Gradient,
    /// |∂f/∂x|.
    Saliency,
    /// x ⊙ ∂f/∂x.
    InputXGradient,
    /// The gradient, of which activations let the positive part back.
    GuidedBackprop,
    /// The same, whether an activation was active or not.
    Deconvnet,
    /// Marginal winning probabilities.
    ExcitationBackprop,
    /// Gradients along a path from a baseline.
    IntegratedGradients(IntegratedGradients),
    /// The mean over noisy inputs.
    SmoothGrad(SmoothGrad),
    /// Taylor terms around noisy roots.
    SmoothTaylor(SmoothTaylor),
    /// The mean over noisy networks.
    NoiseGrad(NoiseGrad),
    /// The mean over both.
    FusionGrad(FusionGrad),
    /// Feature maps weighted by their gradients.
    GradCam(GradCam),
    /// What is lost when a patch is covered.
    Occlusion(Occlusion),
    /// Random masks weighted by what is left.
    Rise(Rise),
}

/// What the sign and scale of a method's relevance mean, and so how it is best drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// For and against, about 0.
    Signed,
    /// Only the magnitude has a meaning.
    Magnitude,
    /// Only differences have a meaning.
    Relative,
}

impl Method {
    /// Every method with the parameters of its paper, in the order they are listed in.
    pub fn all() -> Vec<Method> {
        vec![
            Method::Lrp,
            Method::Gradient,
            Method::Saliency,
            Method::InputXGradient,
            Method::GuidedBackprop,
            Method::Deconvnet,
            Method::ExcitationBackprop,
            Method::IntegratedGradients(IntegratedGradients::default()),
            Method::SmoothGrad(SmoothGrad::default()),
            Method::SmoothTaylor(SmoothTaylor::default()),
            Method::NoiseGrad(NoiseGrad::default()),
            Method::FusionGrad(FusionGrad::default()),
            Method::GradCam(GradCam::default()),
            Method::Occlusion(Occlusion::default()),
            Method::Rise(Rise::default()),
        ]
    }

    /// The word on the command line and in reports.
    pub fn name(&self) -> &'static str {
        match self {
            Method::Lrp => "lrp",
            Method::Gradient => "gradient",
            Method::Saliency => "saliency",
            Method::InputXGradient => "input-x-gradient",
            Method::GuidedBackprop => "guided-backprop",
            Method::Deconvnet => "deconvnet",
            Method::ExcitationBackprop => "excitation-backprop",
            Method::IntegratedGradients(_) => "integrated-gradients",
            Method::SmoothGrad(_) => "smoothgrad",
            Method::SmoothTaylor(_) => "smoothtaylor",
            Method::NoiseGrad(_) => "noisegrad",
            Method::FusionGrad(_) => "fusiongrad",
            Method::GradCam(_) => "grad-cam",
            Method::Occlusion(_) => "occlusion",
            Method::Rise(_) => "rise",
        }
    }

    /// What it computes and the paper that it follows, in a line.
    pub fn about(&self) -> &'static str {
        match self {
            Method::Lrp => "relevance by the rules of --composite (Bach et al. 2015)",
            Method::Gradient => "∂f/∂x (Simonyan et al. 2014)",
            Method::Saliency => "|∂f/∂x| (Simonyan et al. 2014)",
            Method::InputXGradient => "x ⊙ ∂f/∂x (Shrikumar et al. 2016)",
            Method::GuidedBackprop => {
                "activations let back what is positive, where they were active (Springenberg et al. 2015)"
            }
            Method::Deconvnet => "activations let back what is positive (Zeiler, Fergus 2014)",
            Method::ExcitationBackprop => "marginal winning probabilities (Zhang et al. 2016)",
            Method::IntegratedGradients(_) => {
                "mean gradient along a path, by --steps, --baseline, --quadrature (Sundararajan et al. 2017)"
            }
            Method::SmoothGrad(_) => {
                "--base-method at noisy inputs, by --samples, --noise-level, --seed (Smilkov et al. 2017)"
            }
            Method::SmoothTaylor(_) => {
                "Taylor terms around noisy roots, by --samples, --sigma, --adaptive, --seed (Goh et al. 2021)"
            }
            Method::NoiseGrad(_) => {
                "--base-method of noisy networks, by --samples, --weight-noise, --seed (Bykov et al. 2022)"
            }
            Method::FusionGrad(_) => {
                "both noises, by the options of both and --input-samples (Bykov et al. 2022)"
            }
            Method::GradCam(_) => {
                "maps of --layer weighted by their gradients (Selvaraju et al. 2017)"
            }
            Method::Occlusion(_) => {
                "what the output loses under a patch, by --patch, --stride, --fill (Zeiler, Fergus 2014)"
            }
            Method::Rise(_) => {
                "random masks weighted by the probability, by --samples, --cells, --keep, --seed (Petsiuk et al. 2018)"
            }
        }
    }

    /// What the method averages over noise, where it does.
    pub fn base(&self) -> Option<&Method> {
        match self {
            Method::SmoothGrad(method) => Some(&method.base),
            Method::NoiseGrad(method) => Some(&method.base),
            Method::FusionGrad(method) => Some(&method.base),
            _ => None,
        }
    }

    /// Whether noise can be put around the method: it is neither noisy itself nor a black box.
    pub fn is_base(&self) -> bool {
        use Method::*;
        !matches!(
            self,
            SmoothGrad(_) | SmoothTaylor(_) | NoiseGrad(_) | FusionGrad(_) | Occlusion(_) | Rise(_)
        )
    }

    /// The method at the bottom: the base of a noisy one, else the method itself.
    pub fn innermost(&self) -> &Method {
        self.base().map_or(self, Method::innermost)
    }

    /// The preset whose rules the method propagates by; `None` for LRP, where it is the user's choice.
    pub fn preset(&self) -> Option<&'static str> {
        match self.innermost() {
            Method::Lrp => None,
            Method::GuidedBackprop => Some("guided-backprop"),
            Method::Deconvnet => Some("deconvnet"),
            Method::ExcitationBackprop => Some("excitation-backprop"),
            _ => Some("gradient"),
        }
    }

    /// Whether the method looks at single layers of the file, which canonization would merge.
    pub fn needs_layers_as_stored(&self) -> bool {
        matches!(self.innermost(), Method::GradCam(_))
    }

    /// Whether the method changes the stored parameters.
    pub fn perturbs_parameters(&self) -> bool {
        matches!(self, Method::NoiseGrad(_) | Method::FusionGrad(_))
    }

    /// The most samples that one explanation takes; `None` for a method of one propagation.
    ///
    /// `picture` is what occlusion counts its patches on.
    pub fn samples(&self, picture: Option<crate::picture::InputShape>) -> Option<usize> {
        match self {
            Method::IntegratedGradients(method) => Some(method.steps),
            Method::SmoothGrad(method) => Some(method.samples),
            Method::SmoothTaylor(method) => Some(match method.adaptive {
                Some(_) => method.samples * adaptive::MOST_TRIED,
                None => method.samples,
            }),
            Method::NoiseGrad(method) => Some(method.samples),
            Method::FusionGrad(method) => Some(method.samples),
            Method::Occlusion(method) => {
                let patches = picture.map(|picture| method.patches(picture).ok());
                Some(patches.flatten().map_or(1, |patches| patches.count()))
            }
            Method::Rise(method) => Some(method.samples),
            _ => None,
        }
    }

    /// The seed of a random method.
    pub fn seed(&self) -> Option<u64> {
        match self {
            Method::SmoothGrad(method) => Some(method.seed),
            Method::SmoothTaylor(method) => Some(method.seed),
            Method::NoiseGrad(method) => Some(method.seed),
            Method::FusionGrad(method) => Some(method.seed),
            Method::Rise(method) => Some(method.seed),
            _ => None,
        }
    }

    /// How its relevance is best drawn.
    pub fn scale(&self) -> Scale {
        match self.innermost() {
            Method::Gradient
            | Method::Saliency
            | Method::GuidedBackprop
            | Method::Deconvnet
            | Method::GradCam(_) => Scale::Magnitude,
            Method::Rise(_) => Scale::Relative,
            _ => Scale::Signed,
        }
    }

    /// The parameters for reports, those of a base under `base_parameters`; null for a method that has none.
    pub fn parameters(&self) -> Value {
        let mut parameters = self.own_parameters();
        let of_base = self.base().map(Method::parameters).filter(|base| !base.is_null());
        if let (Value::Object(parameters), Some(of_base)) = (&mut parameters, of_base) {
            parameters.insert("base_parameters".to_string(), of_base);
        }
        parameters
    }

    fn own_parameters(&self) -> Value {
        let parameters = match self {
            Method::IntegratedGradients(method) => serde_json::to_value(method),
            Method::SmoothGrad(method) => serde_json::to_value(method),
            Method::SmoothTaylor(method) => serde_json::to_value(method),
            Method::NoiseGrad(method) => serde_json::to_value(method),
            Method::FusionGrad(method) => serde_json::to_value(method),
            Method::GradCam(method) => serde_json::to_value(method),
            Method::Occlusion(method) => serde_json::to_value(method),
            Method::Rise(method) => serde_json::to_value(method),
            _ => return Value::Null,
        };
        // Numbers and words only: nothing that JSON could not hold.
        parameters.unwrap_or_default()
    }

    fn attribution(&self) -> &dyn Attribute {
        match self {
            Method::Lrp => &lrp::Lrp,
            Method::Gradient => &gradient::Gradient,
            Method::Saliency => &saliency::Saliency,
            Method::InputXGradient => &input_x_gradient::InputXGradient,
            Method::GuidedBackprop => &guided_backprop::GuidedBackprop,
            Method::Deconvnet => &deconvnet::Deconvnet,
            Method::ExcitationBackprop => &excitation_backprop::ExcitationBackprop,
            Method::IntegratedGradients(method) => method,
            Method::SmoothGrad(method) => method,
            Method::SmoothTaylor(method) => method,
            Method::NoiseGrad(method) => method,
            Method::FusionGrad(method) => method,
            Method::GradCam(method) => method,
            Method::Occlusion(method) => method,
            Method::Rise(method) => method,
        }
    }
}

/// A base is reported by its name.
impl Serialize for Method {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}
