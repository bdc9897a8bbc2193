//! Layers of well-known networks, to be timed.

use std::sync::Arc;

use onnxplain_kernels::geometry::{WeightPart, Window, WindowAxis};
use onnxplain_kernels::nchwc::{self, Filters, Floats, Image, Kernel, Prepack};

/// A square convolution.
#[derive(Clone, Copy, Debug)]
pub struct Layer {
    /// The network and the shape.
    pub name: &'static str,
    /// Channels of the input.
    pub channels: usize,
    /// Channels of the output; 0: a depthwise convolution.
    pub filters: usize,
    /// Height and width of the input.
    pub size: usize,
    /// Height and width of the kernel.
    pub kernel: usize,
    /// Distance of the windows.
    pub stride: usize,
}

/// Convolutions that production runs in blocks of channels: direct, by Winograd's algorithm, strided and depthwise.
#[rustfmt::skip]
pub const LAYERS: [Layer; 11] = [
    Layer { name: "ResNet 7x7/2, 3 to 64 at 224", channels: 3, filters: 64, size: 224, kernel: 7, stride: 2 },
    Layer { name: "ResNet 1x1, 256 to 64 at 56", channels: 256, filters: 64, size: 56, kernel: 1, stride: 1 },
    Layer { name: "ResNet 1x1, 512 to 2048 at 7", channels: 512, filters: 2048, size: 7, kernel: 1, stride: 1 },
    Layer { name: "ResNet 3x3, 128 to 128 at 28 (Winograd)", channels: 128, filters: 128, size: 28, kernel: 3, stride: 1 },
    Layer { name: "ResNet 3x3/2, 256 to 256 at 28", channels: 256, filters: 256, size: 28, kernel: 3, stride: 2 },
    Layer { name: "ResNet 3x3, 512 to 512 at 7", channels: 512, filters: 512, size: 7, kernel: 3, stride: 1 },
    Layer { name: "VGG 3x3, 64 to 64 at 224 (Winograd)", channels: 64, filters: 64, size: 224, kernel: 3, stride: 1 },
    Layer { name: "MobileNet depthwise 3x3, 144 at 56", channels: 144, filters: 0, size: 56, kernel: 3, stride: 1 },
    Layer { name: "MobileNet depthwise 3x3/2, 96 at 112", channels: 96, filters: 0, size: 112, kernel: 3, stride: 2 },
    Layer { name: "EfficientNet depthwise 5x5, 672 at 14", channels: 672, filters: 0, size: 14, kernel: 5, stride: 1 },
    Layer { name: "DenseNet 3x3, 128 to 32 at 28", channels: 128, filters: 32, size: 28, kernel: 3, stride: 1 },
];

impl Layer {
    fn axis(&self) -> WindowAxis {
        WindowAxis::fitting(self.size, self.kernel, self.stride, 1, [self.kernel / 2; 2])
    }

    /// The images of the input and of the output.
    pub fn images(&self) -> [Image; 2] {
        let size = self.axis().output;
        let filters = if self.filters == 0 { self.channels } else { self.filters };
        [
            Image { channels: self.channels, height: self.size, width: self.size },
            Image { channels: filters, height: size, width: size },
        ]
    }

    /// Weights `[O, I / groups, kernel, kernel]`, and groups.
    fn weights(&self) -> ([usize; 4], usize) {
        match self.filters {
            0 => ([self.channels, 1, self.kernel, self.kernel], self.channels),
            filters => ([filters, self.channels, self.kernel, self.kernel], 1),
        }
    }

    /// Multiplications and additions of one pass.
    pub fn operations(&self) -> u64 {
        let [_, output] = self.images();
        2 * (self.weights().0.iter().product::<usize>() * output.pixels()) as u64
    }

    /// The kernel of the layer in one of its directions; `None` where there is none.
    pub fn kernel(&self, part: WeightPart, is_transposed: bool) -> Option<Arc<dyn Kernel>> {
        let (shape, groups) = self.weights();
        let window = Window { axes: vec![self.axis(); 2] };
        let weights: Floats = Arc::new(numbers(shape.iter().product()));
        let filters = Filters { weights, shape, part, is_transposed, prepack: Prepack::Once };
        match is_transposed {
            false => nchwc::forward(filters, groups, &window),
            true => nchwc::transposed(filters, groups, &window),
        }
    }
}

/// Floats of both signs.
pub fn numbers(count: usize) -> Vec<f32> {
    (0..count).map(|n| (n * 7 % 17) as f32 / 16.0 - 0.5).collect()
}
