//! Attribution methods: relevance propagation, gradients, noise around both, and black boxes.
//!
//! Stands above [`explain`](crate::explain): every gradient is a propagation by gradient rules,
//! there is no second backward engine. A method is a file that implements `Attribute`: its name, help, options and
//! defaults, and the way from a forward pass to relevance at the input. A new one is such a file and a line in
//! `METHODS`. Methods that average run at many inputs or on many networks; samples run on all threads and are summed in
//! their own order, so results do not depend on the threads.

mod adaptation;
mod adaptive;
mod attribute;
mod context;
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
mod map_layer;
mod noise_grad;
mod occlusion;
mod option;
mod perturbation;
mod prepared;
mod quadrature;
mod rise;
mod saliency;
mod smooth_grad;
mod smooth_taylor;
mod table;
mod workers;

pub use adaptation::{Adaptation, Objective};
pub use attribute::{Method, Scale};
pub use context::{ForwardPass, TargetSpec};
pub use deconvnet::Deconvnet;
pub use excitation_backprop::ExcitationBackprop;
pub use explanation::{Completeness, Explanation, Sums};
pub use fusion_grad::FusionGrad;
pub use grad_cam::GradCam;
pub use gradient::Gradient;
pub use guided_backprop::GuidedBackprop;
pub use input_info::{Fill, InputInfo};
pub use input_x_gradient::InputXGradient;
pub use integrated_gradients::IntegratedGradients;
pub use lrp::Lrp;
pub use noise_grad::NoiseGrad;
pub(crate) use noise_grad::weight_noise;
pub use occlusion::Occlusion;
pub use option::{Domain, MethodOption};
pub use prepared::{PreparedMethod, Setup};
pub use quadrature::Quadrature;
pub use rise::Rise;
pub use saliency::Saliency;
pub use smooth_grad::SmoothGrad;
pub use smooth_taylor::SmoothTaylor;
pub use workers::{Cancelled, Unwatched, Watch};
