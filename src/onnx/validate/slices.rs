//! `Slice`: which elements of an axis are taken.

use anyhow::{Result, ensure};

use super::moves::moved;
use super::node::{Given, Node, axes};
use super::value::Value;

/// `Slice`.
pub(super) fn slice(node: &Node) -> Result<Vec<Value>> {
    let input = node.input(0)?;
    let (starts, ends) = (node.given("starts", 1)?, node.given("ends", 2)?);
    ensure!(starts != Given::Absent && ends != Given::Absent, "its starts or ends are missing");
    let (given, steps) = (node.given("axes", 3)?, node.numbers(4));
    if let Given::Numbers(steps) = &steps {
        ensure!(!steps.contains(&0), "its steps {steps:?}: none may be 0");
    }
    let Some(shape) = &input.shape else { return Ok(vec![moved(input, None)]) };
    let (Given::Numbers(starts), Given::Numbers(ends)) = (starts, ends) else {
        return Ok(vec![moved(input, None)]);
    };
    ensure!(starts.len() == ends.len(), "its starts {starts:?} and ends {ends:?} are not as many");
    let sliced = match given {
        Given::Unknown => return Ok(vec![moved(input, None)]),
        Given::Absent => (0..starts.len() as i64).collect(),
        Given::Numbers(axes) => axes,
    };
    ensure!(
        sliced.len() == starts.len(),
        "its axes {sliced:?} and starts {starts:?} are not as many"
    );
    let places = axes(&sliced, shape.len(), "axes")?;
    ensure!(places.len() == sliced.len(), "its axes {sliced:?} name an axis twice");
    let steps = match steps {
        Given::Unknown => return Ok(vec![moved(input, None)]),
        Given::Absent => vec![1; starts.len()],
        Given::Numbers(steps) => steps,
    };
    ensure!(
        steps.len() == starts.len(),
        "its steps {steps:?} and starts {starts:?} are not as many"
    );
    let mut result = shape.clone();
    for (index, &axis) in places.iter().enumerate() {
        result[axis] = Cut::of(shape[axis], starts[index], ends[index], steps[index]).count;
    }
    let numbers = match (input.numbers.as_ref(), shape.len(), places.len()) {
        (Some(numbers), 1, 1) => Cut::of(shape[0], starts[0], ends[0], steps[0]).take(numbers),
        _ => None,
    };
    Ok(vec![Value { numbers, ..moved(input, result) }])
}

/// What a slice takes of an axis.
struct Cut {
    first: i128,
    step: i128,
    count: usize,
}

impl Cut {
    fn of(length: usize, start: i64, end: i64, step: i64) -> Cut {
        let (length, step) = (length as i128, i128::from(step));
        let from_front =
            |place: i64| if place < 0 { i128::from(place) + length } else { place.into() };
        // Backwards, the end may lie in front of the first element.
        let (first, last) = match step > 0 {
            true => (from_front(start).clamp(0, length), from_front(end).clamp(0, length)),
            false => {
                let end = from_front(end).clamp(-1, length - 1);
                (from_front(start).clamp(0, (length - 1).max(0)), end)
            }
        };
        let distance = if step > 0 { last - first } else { first - last };
        let count =
            if distance > 0 && length > 0 { (distance + step.abs() - 1) / step.abs() } else { 0 };
        Cut { first, step, count: usize::try_from(count).unwrap_or(0) }
    }

    fn take(&self, numbers: &[f64]) -> Option<Vec<f64>> {
        let place = |index: usize| usize::try_from(self.first + self.step * index as i128).ok();
        (0..self.count).map(|index| numbers.get(place(index)?).copied()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_take_what_numpy_takes() {
        let numbers = [0.0, 1.0, 2.0, 3.0, 4.0];
        let cut = |start, end, step| Cut::of(5, start, end, step).take(&numbers).unwrap();
        assert_eq!(cut(1, 3, 1), [1.0, 2.0]);
        assert_eq!(cut(-2, i64::MAX, 1), [3.0, 4.0]);
        assert_eq!(cut(0, 5, 2), [0.0, 2.0, 4.0]);
        assert_eq!(cut(-1, i64::MIN, -1), [4.0, 3.0, 2.0, 1.0, 0.0]);
        assert_eq!(cut(9, -9, -2), [4.0, 2.0, 0.0]);
        assert_eq!(cut(3, 1, 1), [0.0; 0]);
        assert_eq!(Cut::of(0, 0, 9, 1).count, 0);
        assert_eq!(Cut::of(0, -1, i64::MIN, -1).count, 0);
        assert_eq!(Cut::of(3, -9, -1, -1).count, 0);
    }
}
