//! Figures: the photo and heatmaps side by side, as the command draws them.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use onnxplain::Rendering;
use onnxplain::figure::Format;
use onnxplain::heatmap::Scale;
use onnxplain::io::{Overwrite, write_bytes};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

use crate::cli::explain::figure::{MOST_RESULTS, Shown, figure};
use crate::cli::explain::report::Report;
use crate::cli::explain::scales::{Scales, shared};
use crate::cli::figure_parts::Drawn;
use crate::errors::{raised, unwritten};
use crate::explanation::Explanation;
use crate::keywords::Keywords;

/// A figure: the picture, its heatmaps, colour bars, and the words to read them by.
#[pyclass(frozen, module = "onnxplain")]
pub struct Figure {
    figure: onnxplain::figure::Figure,
}

/// The figure of explanations of one input.
pub fn of(
    py: Python<'_>,
    explanations: &[&Explanation],
    drawing: Option<&Bound<'_, PyDict>>,
) -> PyResult<Figure> {
    if explanations.is_empty() || explanations.len() > MOST_RESULTS {
        let text = format!("a figure shows 1 to {MOST_RESULTS} explanations");
        return Err(PyTypeError::new_err(text));
    }
    let mut results = vec![];
    for explanation in explanations {
        let keywords = Keywords::new(py, drawing)?;
        let (heatmap, rendering) = explanation.drawn(&keywords)?;
        keywords.end("figure")?;
        results.push(Result { explanation, heatmap, rendering });
    }
    let figure = py.detach(|| draw(&results)).map_err(raised)?;
    Ok(Figure { figure })
}

/// A heatmap to be shown.
struct Result<'a> {
    explanation: &'a Explanation,
    heatmap: onnxplain::Heatmap,
    rendering: Rendering,
}

fn draw(results: &[Result]) -> anyhow::Result<onnxplain::figure::Figure> {
    let mut photo = None;
    let heatmaps: Vec<_> = results.iter().map(|it| (it.way(results), Some(&it.heatmap))).collect();
    let scales = shared(None, &heatmaps)?;
    let both = results.iter().zip(scales);
    let drawn = both.map(|(result, scales)| result.draw(scales, &mut photo));
    let drawn = drawn.collect::<anyhow::Result<Vec<(Drawn, Scale)>>>()?;
    let reports: Vec<Report> =
        results.iter().map(|it| it.explanation.reported(it.rendering)).collect();
    let shown = results.iter().zip(&reports).zip(drawn);
    let shown: Vec<Shown> = shown
        .map(|((result, report), (drawn, scale))| Shown {
            report,
            class: result.explanation.found.class(),
            against: result.explanation.found.against(),
            drawn,
            scale,
            rendering: result.rendering,
        })
        .collect();
    let first = results.first().context("there is nothing to be shown")?;
    Ok(figure(&shown, photo.as_ref(), &first.explanation.origin.assumed))
}

impl Result<'_> {
    /// The first result that was made in the same way: those of one way share the scale of their colours.
    fn way(&self, all: &[Result]) -> usize {
        let of = |it: &Result| {
            let origin = &it.explanation.origin;
            (origin.method.clone(), origin.composite.clone(), origin.parameters.clone())
        };
        all.iter().position(|other| of(other) == of(self)).unwrap_or(0)
    }

    /// The heatmap over its photo, where there is one, and the scale of its colours.
    fn draw(
        &self,
        scales: Option<Scales>,
        photo: &mut Option<Drawn>,
    ) -> anyhow::Result<(Drawn, Scale)> {
        if self.heatmap.is_plot() {
            return Ok((Drawn::plot(self.heatmap.overlay()?), self.heatmap.scale()));
        }
        if !self.heatmap.has_photo() {
            let scale = scales.map_or_else(|| self.heatmap.scale(), |scales| scales.heatmap);
            let picture = Arc::new(self.heatmap.scaled_picture(scale)?);
            return Ok((Drawn::new(&picture, None), scale));
        }
        let overlay = self.heatmap.laid_over()?;
        let scale = scales.and_then(|scales| scales.overlay).unwrap_or_else(|| overlay.scale());
        let overlay = overlay.scaled(scale);
        photo.get_or_insert_with(|| Drawn::new(overlay.photo(), overlay.frame()));
        let picture = Arc::new(overlay.unmarked());
        let drawn = Drawn::new(&picture, overlay.frame()).pixelated(overlay.is_enlarged());
        Ok((drawn, overlay.scale()))
    }
}

impl Figure {
    fn bytes<'py>(&self, py: Python<'py>, format: Format) -> PyResult<Bound<'py, PyBytes>> {
        let bytes = py.detach(|| self.figure.bytes(format)).map_err(raised)?;
        Ok(PyBytes::new(py, &bytes))
    }
}

#[pymethods]
impl Figure {
    /// The bytes of a PNG file.
    pub fn png<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        self.bytes(py, Format::Png)
    }

    /// The bytes of an SVG file; its text stays text.
    fn svg<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        self.bytes(py, Format::Svg)
    }

    /// The bytes of a PDF file of one page; its text stays text.
    fn pdf<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        self.bytes(py, Format::Pdf)
    }

    /// Writes the figure: PNG, SVG or PDF, by the ending of the name. A file that is there already is replaced.
    fn save(&self, py: Python<'_>, path: PathBuf) -> PyResult<()> {
        let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
        let written = py.detach(|| {
            let format: Format = ending.unwrap_or_default().parse()?;
            write_bytes(&path, self.figure.bytes(format)?, Overwrite::Replace)
        });
        written.map_err(unwritten)
    }

    /// The figure as a picture of Pillow's.
    fn pil<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let file = py.import("io")?.call_method1("BytesIO", (self.png(py)?,))?;
        py.import("PIL.Image")?.call_method1("open", (file,))
    }

    fn _repr_png_<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        self.png(py)
    }

    fn __repr__(&self) -> String {
        format!("<onnxplain.Figure {:?}>", self.figure.title)
    }
}

/// Explanations of one input side by side: of several classes, methods or composites.
#[pyfunction]
#[pyo3(name = "figure", signature = (explanations, **drawing), text_signature = "(explanations, *, colormap=None, normalize=None, alpha=None, level=None, crop_mark=None, overlay_size=None)")]
pub fn figure_of(
    py: Python<'_>,
    explanations: Vec<Bound<'_, Explanation>>,
    drawing: Option<&Bound<'_, PyDict>>,
) -> PyResult<Figure> {
    let all: Vec<&Explanation> = explanations.iter().map(|it| it.get()).collect();
    of(py, &all, drawing)
}
