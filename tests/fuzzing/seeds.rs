//! What mutations start from: files of the repository, and small ones made here.

use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use onnxplain::image::{DynamicImage, ImageBuffer, ImageFormat, Rgb};
use tiff::encoder::colortype::{self, Gray32, Gray32Float, Gray64Float, GrayI16};
use tiff::encoder::{TiffEncoder, TiffValue};
use tract_onnx::pb::AttributeProto;
use tract_onnx::pb::tensor_proto::DataType;

use crate::rewritten;
use crate::support::onnx::{Axis, Graph, float, int, ints, text};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_path_buf()
}

/// The seeds of a target, and what made it fail before: `fuzz/regressions/TARGET/*`.
pub fn seeds(target: &str) -> Vec<Vec<u8>> {
    let mut seeds = match target {
        "model" => models(),
        "yaml" => files(&["rules", "tests/golden/composites", "sample-models"], &["yaml"], 1 << 16),
        "picture" => pictures(),
        _ => tables(),
    };
    seeds.extend(files(&[&format!("fuzz/regressions/{target}")], &[], 1 << 20));
    seeds
}

/// The files of some folders, sorted, with one of these extensions.
fn files(folders: &[&str], extensions: &[&str], longest: u64) -> Vec<Vec<u8>> {
    let entries =
        folders.iter().filter_map(|folder| fs::read_dir(root().join(folder)).ok()).flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let fits = |path: &&PathBuf| {
        let extension = path.extension().unwrap_or_default().to_string_lossy().to_string();
        let has_extension = extensions.is_empty() || extensions.contains(&extension.as_str());
        has_extension
            && path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.len() <= longest)
    };
    paths.iter().filter(fits).map(|path| fs::read(path).unwrap()).collect()
}

fn models() -> Vec<Vec<u8>> {
    let golden = ["branches", "convnext", "depthwise", "plain", "residual", "vit", "vit-opset23"];
    let golden = golden
        .iter()
        .map(|name| fs::read(root().join(format!("tests/golden/{name}/model.onnx"))).unwrap());
    golden.chain(small_models()).chain(rewritten::models()).collect()
}

/// A model of one operator on an input, with a dense layer behind.
fn around(
    shape: &[usize],
    op: &str,
    opset: i64,
    more: &[Vec<i64>],
    attributes: &[AttributeProto],
) -> Vec<u8> {
    let mut graph = Graph::with_input(opset, shape);
    let mut inputs = vec!["x".to_string()];
    for numbers in more {
        inputs.push(if numbers.is_empty() { String::new() } else { graph.ints(numbers) });
    }
    let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
    let value = graph.node(op, &inputs, attributes);
    let value = graph.node("Relu", &[&value], &[]);
    let value = graph.node("ReduceMean", &[&value], &[ints("axes", &[2]), int("keepdims", 0)]);
    graph.output(&value);
    graph.bytes()
}

fn small_models() -> Vec<Vec<u8>> {
    let picture = [1, 2, 6, 5];
    let mut made = vec![
        around(
            &picture,
            "AveragePool",
            13,
            &[],
            &[ints("kernel_shape", &[2, 3]), ints("pads", &[1, 1, 0, 1])],
        ),
        around(&picture, "MaxPool", 13, &[], &[ints("kernel_shape", &[2, 2]), int("ceil_mode", 1)]),
        around(&picture, "LpPool", 13, &[], &[ints("kernel_shape", &[2, 2])]),
        around(&picture, "Transpose", 13, &[], &[ints("perm", &[0, 2, 3, 1])]),
        around(&picture, "Pad", 13, &[vec![0, 0, 1, 1, 0, 0, 2, 0]], &[text("mode", "reflect")]),
        around(&picture, "Slice", 13, &[vec![0, 4], vec![2, -9], vec![1, 2], vec![1, -1]], &[]),
        around(&picture, "Reshape", 13, &[vec![1, 4, -1]], &[]),
        around(&picture, "Expand", 13, &[vec![2, 1, 2, 1, 1]], &[]),
        around(&picture, "Tile", 13, &[vec![1, 2, 1, 1]], &[]),
        around(&picture, "Gather", 13, &[vec![1, 0, -1]], &[int("axis", 1)]),
        around(&picture, "TopK", 13, &[vec![2]], &[int("axis", 2)]),
        around(
            &picture,
            "Resize",
            13,
            &[vec![], vec![], vec![1, 2, 9, 10]],
            &[text("mode", "linear")],
        ),
        around(&picture, "DepthToSpace", 13, &[], &[int("blocksize", 1)]),
        around(&picture, "SpaceToDepth", 13, &[], &[int("blocksize", 1)]),
        around(&picture, "LpNormalization", 13, &[], &[int("axis", 1), int("p", 2)]),
        around(&picture, "LRN", 13, &[], &[int("size", 3), float("alpha", 0.1)]),
        around(&picture, "Softmax", 13, &[], &[int("axis", 1)]),
        around(&picture, "CumSum", 13, &[vec![2]], &[int("exclusive", 1)]),
        around(&picture, "Einsum", 13, &[], &[text("equation", "bchw->bhwc")]),
        around(&picture, "MeanVarianceNormalization", 13, &[], &[]),
        around(&picture, "Clip", 9, &[], &[float("min", -1.0), float("max", 1.0)]),
        around(&picture, "Unsqueeze", 11, &[], &[ints("axes", &[2])]),
        around(&picture, "QuickGelu", 13, &[], &[]),
    ];
    made.push(recurrent());
    made.push(normalized());
    made.push(open_size());
    made
}

/// An LSTM over five steps.
fn recurrent() -> Vec<u8> {
    let mut graph = Graph::with_input(14, &[5, 1, 3]);
    let w = graph.floats(&[1, 8, 3], &[0.1; 24]);
    let r = graph.floats(&[1, 8, 2], &[0.2; 16]);
    let value = graph.node("LSTM", &["x", &w, &r], &[int("hidden_size", 2)]);
    let value = graph.node("ReduceMean", &[&value], &[ints("axes", &[0, 1]), int("keepdims", 0)]);
    graph.output(&value);
    graph.bytes()
}

/// Normalizations behind a transposed convolution, in groups.
fn normalized() -> Vec<u8> {
    let mut graph = Graph::with_input(18, &[1, 4, 5, 5]);
    let w = graph.floats(&[4, 2, 2, 2], &[0.3; 32]);
    let value =
        graph.node("ConvTranspose", &["x", &w], &[int("group", 2), ints("strides", &[2, 2])]);
    let (scale, bias) = (graph.floats(&[4], &[1.0; 4]), graph.floats(&[4], &[0.5; 4]));
    let value =
        graph.node("InstanceNormalization", &[&value, &scale, &bias], &[float("epsilon", 1e-5)]);
    let value = graph.node("BatchNormalization", &[&value, &scale, &bias, &bias, &scale], &[]);
    let last = graph.floats(&[10], &[0.1; 10]);
    let value = graph.node("LayerNormalization", &[&value, &last, &last], &[int("axis", -1)]);
    let value = graph.node("GlobalAveragePool", &[&value], &[]);
    let value = graph.node("Flatten", &[&value], &[]);
    graph.output(&value);
    graph.bytes()
}

/// A flattened picture whose size is open, by computed shapes.
fn open_size() -> Vec<u8> {
    let mut graph = Graph::new(14);
    let axes = [Axis::Symbol("N"), Axis::Fixed(3), Axis::Symbol("H"), Axis::Symbol("W")];
    graph.input("x", &axes, DataType::Float);
    let shape = graph.node("Shape", &["x"], &[]);
    let (zero, one, rest) = (graph.ints(&[0]), graph.ints(&[1]), graph.ints(&[-1]));
    let batch = graph.node("Slice", &[&shape, &zero, &one], &[]);
    let to = graph.node("Concat", &[&batch, &rest], &[int("axis", 0)]);
    let pooled = graph.node("GlobalMaxPool", &["x"], &[]);
    let value = graph.node("Reshape", &[&pooled, &to], &[]);
    graph.output(&value);
    graph.bytes()
}

fn pictures() -> Vec<Vec<u8>> {
    let pixel = |x: u32, y: u32| Rgb([(x * 30) as u8, (y * 40) as u8, (x * y) as u8]);
    let picture = DynamicImage::ImageRgb8(ImageBuffer::from_fn(9, 7, pixel));
    let kinds = [
        picture.clone(),
        picture.to_luma8().into(),
        picture.to_rgba8().into(),
        picture.to_rgb16().into(),
        picture.to_luma_alpha8().into(),
        picture.to_rgb32f().into(),
    ];
    let formats = [
        ImageFormat::Png,
        ImageFormat::Jpeg,
        ImageFormat::Gif,
        ImageFormat::Bmp,
        ImageFormat::Tiff,
        ImageFormat::WebP,
    ];
    let grey = picture.to_luma8().into_raw();
    let mut made = vec![
        tiff::<Gray32Float>(&grey.iter().map(|&value| f32::from(value)).collect::<Vec<_>>()),
        tiff::<Gray64Float>(
            &grey.iter().map(|&value| f64::from(value) / 255.0).collect::<Vec<_>>(),
        ),
        tiff::<GrayI16>(&grey.iter().map(|&value| i16::from(value)).collect::<Vec<_>>()),
        tiff::<Gray32>(&grey.iter().map(|&value| u32::from(value)).collect::<Vec<_>>()),
    ];
    for format in formats {
        for kind in &kinds {
            let mut bytes = Cursor::new(vec![]);
            if kind.write_to(&mut bytes, format).is_ok() {
                made.push(bytes.into_inner());
            }
        }
    }
    made
}

/// A TIFF of 9 x 7 grey pixels in a kind of number that `image` does not write.
fn tiff<C: colortype::ColorType>(values: &[C::Inner]) -> Vec<u8>
where
    [C::Inner]: TiffValue,
{
    let mut bytes = Cursor::new(vec![]);
    TiffEncoder::new(&mut bytes).unwrap().write_image::<C>(9, 7, values).unwrap();
    bytes.into_inner()
}

fn tables() -> Vec<Vec<u8>> {
    let mut made = vec![];
    let mut put = |kind: u8, bytes: &[u8]| made.push([&[kind], bytes].concat());
    for number_type in ["<f4", ">f8", "<i8", "|u1", "|b1", "<f2"] {
        let size: usize = number_type[2..].parse().unwrap();
        let shapes = ["(3, 16, 16)", "(1, 3, 16, 16)"];
        for (index, shape) in shapes.iter().enumerate() {
            let header = format!(
                "{{'descr': '{number_type}', 'fortran_order': {}, 'shape': {shape}, }}",
                ["False", "True"][index]
            );
            let padded = format!("{header:<117}\n");
            let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
            bytes.extend((padded.len() as u16).to_le_bytes());
            bytes.extend(padded.as_bytes());
            bytes.extend((0..768 * size).map(|at| (at % 251) as u8));
            put(0, &bytes);
        }
    }
    put(1, b"cat\ndog\nbird\n4 fish\n\n");
    put(1, "\u{feff}n01440764 tench, Tinca tinca\r\nn01443537 goldfish\r\n".as_bytes());
    put(2, br#"{"0": "cat", "1": "dog"}"#);
    put(2, br#"["cat", "dog", ["n01", "bird"]]"#);
    put(2, br#"{"cat": 0, "dog": 1}"#);
    put(3, br#"{"image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5], "size": {"height": 16, "width": 16}, "resample": 3, "do_resize": true, "rescale_factor": 0.00392}"#);
    put(3, br#"{"architectures": ["ResNetForImageClassification"], "id2label": {"0": "a", "1": "b"}, "crop_pct": 0.9}"#);
    put(3, br#"{"architecture": "resnet18", "num_classes": 10, "pretrained_cfg": {"input_size": [3, 16, 16], "interpolation": "bicubic", "crop_pct": 0.95, "mean": [0.4, 0.4, 0.4], "std": [0.2, 0.2, 0.2]}}"#);
    put(4, br#"{"method": "smoothgrad", "samples": 3, "noise_level": 0.1, "base": {"method": "integrated-gradients", "steps": 5}}"#);
    put(4, br#"{"method": "rise", "cells": 4, "keep": 0.5, "seed": 3}"#);
    put(4, br#"{"method": "occlusion", "patch": [2, 3], "stride": [1, 1], "fill": "mean"}"#);
    made
}
