//! Numbers for NumPy, without a copy.
//!
//! An array of NumPy is made of an object that says where its numbers lie (`__array_interface__`), and keeps that object.
//! The numbers are shared with the library, and so cannot be written to.

use std::path::PathBuf;
use std::sync::Arc;

use onnxplain::image::RgbImage;
use onnxplain::io::{Overwrite, PictureFormat, png_bytes, write_picture};
use onnxplain::{Array, Heatmap};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyTuple};

use crate::errors::{raised, unwritten};

/// What holds the numbers of an array.
#[pyclass(frozen, module = "onnxplain._onnxplain")]
pub struct Values {
    shape: Vec<usize>,
    owner: Owner,
}

/// Cloning any of them shares its numbers, except a list.
pub enum Owner {
    Array(Array),
    Heatmap(Box<Heatmap>),
    List(Vec<f32>),
}

impl Owner {
    fn values(&self) -> &[f32] {
        match self {
            Owner::Array(array) => array.values(),
            Owner::Heatmap(heatmap) => heatmap.values(),
            Owner::List(values) => values,
        }
    }
}

#[pymethods]
impl Values {
    #[getter(__array_interface__)]
    fn array_interface<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        interface(py, &self.shape, "f4", self.owner.values().as_ptr().addr())
    }
}

/// How NumPy is told of numbers in memory that it may read.
pub fn interface<'py>(
    py: Python<'py>,
    shape: &[usize],
    kind: &str,
    address: usize,
) -> PyResult<Bound<'py, PyDict>> {
    let order = match (kind, cfg!(target_endian = "big")) {
        ("u1", _) => "|",
        (_, true) => ">",
        (_, false) => "<",
    };
    let interface = PyDict::new(py);
    interface.set_item("version", 3)?;
    interface.set_item("shape", PyTuple::new(py, shape)?)?;
    interface.set_item("typestr", format!("{order}{kind}"))?;
    // Not to be written to.
    interface.set_item("data", (address, true))?;
    Ok(interface)
}

/// An array of NumPy with these numbers.
pub fn numpy<'py>(py: Python<'py>, shape: Vec<usize>, owner: Owner) -> PyResult<Bound<'py, PyAny>> {
    py.import("numpy")?.call_method1("asarray", (Values { shape, owner },))
}

/// An array of NumPy that shares the numbers of one of ours.
pub fn shared<'py>(py: Python<'py>, array: &Array) -> PyResult<Bound<'py, PyAny>> {
    numpy(py, array.shape().to_vec(), Owner::Array(array.clone()))
}

/// A drawn picture: RGB, 8 bits a channel. `numpy.asarray(picture)` has its pixels, height x width x 3.
#[pyclass(frozen, module = "onnxplain")]
pub struct Picture {
    pixels: Arc<RgbImage>,
}

impl Picture {
    /// A picture that was drawn.
    pub fn new(pixels: RgbImage) -> Picture {
        Picture { pixels: Arc::new(pixels) }
    }
}

#[pymethods]
impl Picture {
    /// Pixels in a row.
    #[getter]
    fn width(&self) -> u32 {
        self.pixels.width()
    }

    /// Rows.
    #[getter]
    fn height(&self) -> u32 {
        self.pixels.height()
    }

    /// The bytes of a PNG file.
    pub fn png<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let bytes = py.detach(|| png_bytes(&self.pixels)).map_err(raised)?;
        Ok(PyBytes::new(py, &bytes))
    }

    /// Writes the picture: PNG, JPEG or WebP, by the ending of the name. A file that is there already is replaced.
    fn save(&self, py: Python<'_>, path: PathBuf) -> PyResult<()> {
        let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
        let format = PictureFormat::ALL.into_iter().find(|format| {
            let ending = ending.as_deref();
            ending == Some(format.extension()) || ending == Some(format.name())
        });
        let written = py.detach(|| {
            let format = format.ok_or_else(|| {
                let endings = PictureFormat::ALL.map(PictureFormat::extension).join(", ");
                anyhow::anyhow!("cannot write {}: its name must end with {endings}", path.display())
            })?;
            write_picture(&path, &self.pixels, format, Overwrite::Replace)
        });
        written.map_err(unwritten)
    }

    /// The picture as one of Pillow's.
    fn pil<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let pixels = py.import("numpy")?.call_method1("asarray", (slf,))?;
        py.import("PIL.Image")?.call_method1("fromarray", (pixels,))
    }

    #[getter(__array_interface__)]
    fn array_interface<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let shape = [self.pixels.height() as usize, self.pixels.width() as usize, 3];
        interface(py, &shape, "u1", self.pixels.as_raw().as_ptr().addr())
    }

    fn _repr_png_<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        self.png(py)
    }

    fn __repr__(&self) -> String {
        format!("<onnxplain.Picture {} x {}>", self.pixels.width(), self.pixels.height())
    }
}
