//! Methods whose answer is a map: Grad-CAM, occlusion, RISE.

use super::*;

#[test]
fn an_output_of_nan_is_an_error_with_every_method() {
    let mut graph = Graph::with_input(17, &[1, 1, 4, 4]);
    let weight = graph.floats(&[3, 1, 3, 3], &[0.1; 27]);
    let bias = graph.floats(&[3], &[0.5, f32::NAN, 0.5]);
    let conv = graph.node("Conv", &["x", &weight, &bias], &[]);
    let active = graph.node("Relu", &[&conv], &[]);
    let pooled = graph.node("GlobalAveragePool", &[&active], &[]);
    let flat = graph.node("Flatten", &[&pooled], &[]);
    graph.output(&flat);
    let model = file(&graph);
    let session = onnxplain::Session::open(&model.path).unwrap();
    let input = onnxplain::Array::new(&[1, 4, 4], &[0.5; 16]).unwrap();
    for name in ["lrp", "gradient", "occlusion", "integrated-gradients"] {
        let method = onnxplain::Method::named(name).unwrap();
        let error = session.explainer(method).unwrap().explain(&input).err().unwrap();
        assert!(matches!(error, onnxplain::Error::Computation(_)), "{name}: {error}");
        assert!(error.to_string().contains("is NaN for this input"), "{name}: {error}");
    }
}

/// Convolution, ReLU, global average, dense layer: where Grad-CAM is CAM.
fn cam_network(convolution: &[f32], dense: &[f32]) -> File {
    let mut graph = Graph::with_input(17, &[1, 1, 4, 4]);
    let weight = graph.floats(&[2, 1, 3, 3], convolution);
    let conv = graph.node("Conv", &["x", &weight], &[ints("pads", &[1, 1, 1, 1])]);
    let active = graph.node("Relu", &[&conv], &[]);
    let pooled = graph.node("GlobalAveragePool", &[&active], &[]);
    let flat = graph.node("Flatten", &[&pooled], &[]);
    let weight = graph.floats(&[2, 2], dense);
    let output = graph.node("MatMul", &[&flat, &weight], &[]);
    graph.output(&output);
    file(&graph)
}

#[test]
fn grad_cam_in_front_of_a_global_average_is_cam() {
    let convolution: Vec<f32> = (0..18).map(|index| (index as f32 * 1.3).cos()).collect();
    let dense = [0.3, 2.0, 0.7, -1.0];
    let model = cam_network(&convolution, &dense);
    let input = noise(&[1, 1, 4, 4], 29);
    let at = |row: isize, column: isize| {
        let is_inside = (0..4).contains(&row) && (0..4).contains(&column);
        if is_inside { input.data()[(row * 4 + column) as usize] } else { 0.0 }
    };
    let map = |channel: usize, pixel: isize| -> f32 {
        let taps = convolution[channel * 9..][..9].iter().enumerate();
        taps.map(|(tap, weight)| {
            let tap = tap as isize;
            weight * at(pixel / 4 + tap / 3 - 1, pixel % 4 + tap % 3 - 1)
        })
        .sum()
    };
    let expected: Vec<f32> = (0..16)
        .map(|pixel| {
            let sum = dense[1] * map(0, pixel).max(0.0) + dense[3] * map(1, pixel).max(0.0);
            (sum / 16.0).max(0.0)
        })
        .collect();
    let method = GradCam { layer: Some("relu_1".to_string()) }.into();
    assert_near(&explained(&model.path, method, &input).relevance[0], &expected, 1e-5);
    // At the convolution itself: the gradient passes the ReLU only where it is active.
    let shares: Vec<f32> = (0..2)
        .map(|channel| (0..16).filter(|&pixel| map(channel, pixel) > 0.0).count() as f32 / 16.0)
        .collect();
    let expected: Vec<f32> = (0..16)
        .map(|pixel| {
            let part =
                |channel: usize| dense[1 + 2 * channel] * shares[channel] * map(channel, pixel);
            ((part(0) + part(1)) / 16.0).max(0.0)
        })
        .collect();
    let last = GradCam::default().into();
    assert_near(&explained(&model.path, last, &input).relevance[0], &expected, 1e-5);
}

/// The same of a signal of eight numbers, with so many axes of positions; the first ones have a single position.
fn signal_network(axes: usize) -> (File, Vec<usize>) {
    let with_last = |first: &[usize], fill: usize, last: usize| {
        [first, &vec![fill; axes - 1][..], &[last]].concat()
    };
    let shape = with_last(&[1, 1], 1, 8);
    let numbers = |fill: usize, last: usize| -> Vec<i64> {
        with_last(&[], fill, last).iter().map(|&number| number as i64).collect()
    };
    let mut graph = Graph::with_input(17, &shape);
    let filters: Vec<f32> = (0..6).map(|index| (index as f32 * 1.3).cos()).collect();
    let weight = graph.floats(&with_last(&[2, 1], 1, 3), &filters);
    let pads = [numbers(0, 1), numbers(0, 1)].concat();
    let windows = [ints("pads", &pads), ints("strides", &numbers(1, 2))];
    let conv = graph.node("Conv", &["x", &weight], &windows);
    let active = graph.node("Relu", &[&conv], &[]);
    let pooled = graph.node("GlobalAveragePool", &[&active], &[]);
    let flat = graph.node("Flatten", &[&pooled], &[]);
    let weight = graph.floats(&[2, 2], &[0.3, 2.0, 0.7, -1.0]);
    let output = graph.node("MatMul", &[&flat, &weight], &[]);
    graph.output(&output);
    (file(&graph), shape)
}

#[test]
fn grad_cam_of_signals_and_volumes_is_that_of_a_picture_of_one_row() {
    let [signal, picture, volume] = [1, 2, 3].map(|axes| {
        let (model, shape) = signal_network(axes);
        let input = noise(&shape, 29);
        explained(&model.path, GradCam::default().into(), &input).relevance[0].clone()
    });
    assert_eq!(signal.shape(), [1, 1, 8]);
    assert!(picture.data().iter().any(|&value| value > 0.01), "{:?}", picture.data());
    assert_near(&signal, picture.data(), 1e-6);
    assert_near(&volume, picture.data(), 1e-6);
}

#[test]
fn occlusion_of_a_linear_network_is_what_the_patch_contributes() {
    let model = linear(&weights());
    let input = noise(&[1, 1, 4, 4], 31);
    let method = Occlusion { patch: Some([2, 2]), stride: Some([2, 2]), fill: Fill::Zero };
    let explanation = explained(&model.path, method.into(), &input);
    let patch = |pixel: usize| (pixel / 8, pixel % 4 / 2);
    let expected: Vec<f32> = (0..16)
        .map(|pixel| {
            let same = (0..16).filter(|&other| patch(other) == patch(pixel));
            same.map(|other| input.data()[other] * class_weights()[other]).sum()
        })
        .collect();
    assert_near(&explanation.relevance[0], &expected, 1e-5);
}

#[test]
fn rise_finds_the_pixels_that_matter() {
    // Class 1 is the sum of the upper left quarter, class 0 is always 0.
    let weights: Vec<f32> = (0..16)
        .flat_map(|pixel| [0.0, if pixel / 4 < 2 && pixel % 4 < 2 { 1.0 } else { 0.0 }])
        .collect();
    let model = linear(&weights);
    let input = Tensor::filled(&[1, 1, 4, 4], 1.0).unwrap();
    let method = Rise { samples: 2000, cells: 2, ..Rise::default() };
    let map = explained(&model.path, method.into(), &input).relevance[0].clone();
    let (inside, outside) = (map.data()[0], map.data()[15]);
    // P(class 1) lies between 1/2 (nothing seen) and 0.982 (the quarter seen).
    assert!(inside > 1.1 * outside && (0.5..0.983).contains(&inside), "{inside}, {outside}");
}

#[test]
fn what_cannot_be_is_an_error() {
    let error = |path: &Path, layer: Option<&str>| {
        let layer = layer.map(str::to_string);
        let method = GradCam { layer }.into();
        format!("{:#}", prepared(path, method, 1).err().expect("an error"))
    };
    let dense = linear(&weights());
    assert!(error(&dense.path, None).contains("needs a convolution"));
    let model = cam_network(&[0.1; 18], &[0.1; 4]);
    assert!(error(&model.path, Some("rellu_1")).contains("did you mean \"relu_1\""));
    assert!(error(&model.path, Some("flatten_3")).contains("needs maps"));

    let mut vector = Graph::with_input(17, &[1, 3]);
    let weight = vector.floats(&[3, 2], &[0.1; 6]);
    let output = vector.node("MatMul", &["x", &weight], &[]);
    vector.output(&output);
    let vector = file(&vector);
    let method = prepared(&vector.path, Rise::default().into(), 1).unwrap();
    let pass = method.forward(Tensor::filled(&[1, 3], 1.0).unwrap()).unwrap();
    let error = method.explain(pass, TARGET, &Unwatched).unwrap_err().to_string();
    assert!(error.contains("a picture of 1 or 3 channels"), "{error}");
}
