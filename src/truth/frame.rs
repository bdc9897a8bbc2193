//! Which part of a picture the network sees.

use crate::session::Input;

/// Objects of which less than this is left after the crop are not judged.
const VISIBLE: f64 = 0.5;

/// A picture, the part of it that the network sees, and the network's size.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Frame {
    /// `[height, width]` of the picture.
    pub picture: [usize; 2],
    /// `[height, width]` of the network's input.
    pub network: [usize; 2],
    /// Upper left corner of the window, `[down, right]`, in pixels of the picture.
    corner: [f64; 2],
    /// Size of the window, `[height, width]`, in pixels of the picture.
    window: [f64; 2],
}

impl Frame {
    /// The frame of an input; a tensor is its own picture.
    pub fn of(input: &Input, network: [usize; 2]) -> Frame {
        match input.window() {
            Some((picture, window)) => Frame::cropped(
                picture,
                network,
                [window.y, window.x],
                [window.height, window.width],
            ),
            None => Frame::whole(network),
        }
    }

    /// The network sees a window of the picture, from its upper left corner `[down, right]`, `[height, width]` large.
    pub fn cropped(
        picture: [usize; 2],
        network: [usize; 2],
        corner: [f64; 2],
        window: [f64; 2],
    ) -> Frame {
        Frame { picture, network, corner, window }
    }

    /// Where the window begins and ends, down and across, as shares of the picture's sides.
    pub fn window_shares(&self) -> [[f64; 2]; 2] {
        [0, 1].map(|axis| {
            let side = self.picture[axis] as f64;
            [self.corner[axis] / side, (self.corner[axis] + self.window[axis]) / side]
        })
    }

    /// The network sees the whole picture, in its own size.
    pub fn whole(network: [usize; 2]) -> Frame {
        let window = network.map(|side| side as f64);
        Frame { picture: network, network, corner: [0.0; 2], window }
    }

    /// The place in the picture, `[down, right]`, that a pixel of the network's input shows.
    fn place(&self, pixel: usize) -> [f64; 2] {
        let at = [pixel / self.network[1], pixel % self.network[1]];
        [0, 1].map(|axis| {
            let part = (at[axis] as f64 + 0.5) / self.network[axis] as f64;
            self.corner[axis] + part * self.window[axis]
        })
    }

    /// What the network sees of values that lie on the picture's pixels: those of the nearest ones.
    pub fn nearest<T: Copy>(&self, values: &[T]) -> Vec<T> {
        let at = |pixel: usize| {
            let place = self.place(pixel);
            let nearest = |axis: usize| (place[axis] as usize).min(self.picture[axis] - 1);
            values[nearest(0) * self.picture[1] + nearest(1)]
        };
        (0..self.network[0] * self.network[1]).map(at).collect()
    }

    /// For every pixel of the network's input, whether its place is in a box `[x0, y0, x1, y1]` of the picture.
    pub fn inside_box(&self, [x0, y0, x1, y1]: [f64; 4]) -> Vec<bool> {
        let inside = |pixel: usize| {
            let [down, right] = self.place(pixel);
            x0 <= right && right < x1 && y0 <= down && down < y1
        };
        (0..self.network[0] * self.network[1]).map(inside).collect()
    }

    /// The area of a box inside the picture, and of its part inside the window; pixels of the picture.
    pub fn areas_of_box(&self, [x0, y0, x1, y1]: [f64; 4]) -> [f64; 2] {
        let picture = self.picture.map(|side| side as f64);
        let area = |corner: [f64; 2], size: [f64; 2]| {
            let side = |low: f64, high: f64, axis: usize| {
                (high.min(corner[axis] + size[axis]) - low.max(corner[axis])).max(0.0)
            };
            side(y0, y1, 0) * side(x0, x1, 1)
        };
        [area([0.0; 2], picture), area(self.corner, self.window)]
    }

    /// The area of a mask of the picture, and of its part inside the window; pixels of the picture.
    pub fn areas_of_mask(&self, inside: &[bool]) -> [f64; 2] {
        let is_visible = |pixel: usize| {
            let at = [pixel / self.picture[1], pixel % self.picture[1]];
            (0..2).all(|axis| {
                let middle = at[axis] as f64 + 0.5;
                let from = self.corner[axis];
                from <= middle && middle < from + self.window[axis]
            })
        };
        let pixels = || inside.iter().enumerate().filter(|(_, inside)| **inside);
        let visible = pixels().filter(|(pixel, _)| is_visible(*pixel)).count();
        [pixels().count() as f64, visible as f64]
    }
}

/// Whether enough of an object of these areas, whole and inside the window, is left to be judged.
pub(super) fn is_visible([whole, visible]: [f64; 2]) -> bool {
    visible >= VISIBLE * whole
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The right half of a picture of 4 × 8, in a network of 2 × 2.
    fn right_half() -> Frame {
        Frame { picture: [4, 8], network: [2, 2], corner: [0.0, 4.0], window: [4.0, 4.0] }
    }

    #[test]
    fn the_nearest_pixels_of_the_window_are_seen() {
        let numbers: Vec<usize> = (0..32).collect();
        // Middles of the network's pixels are at 1 and 3 down, 5 and 7 across.
        assert_eq!(right_half().nearest(&numbers), [13, 15, 29, 31]);
        assert_eq!(Frame::whole([2, 2]).nearest(&[1, 2, 3, 4]), [1, 2, 3, 4]);
    }

    #[test]
    fn boxes_and_masks_are_cut_by_the_window() {
        let frame = right_half();
        let seen = frame.inside_box([2.0, 0.0, 6.0, 2.0]);
        assert_eq!(seen, [true, false, false, false]);
        assert_eq!(frame.areas_of_box([2.0, 0.0, 6.0, 2.0]), [8.0, 4.0]);
        // What lies outside the picture does not count.
        assert_eq!(frame.areas_of_box([-9.0, 0.0, 6.0, 9.0]), [24.0, 8.0]);
        let mask: Vec<bool> = (0..32).map(|pixel| pixel % 8 >= 3).collect();
        assert_eq!(frame.areas_of_mask(&mask), [20.0, 16.0]);
        assert!(is_visible([8.0, 4.0]) && !is_visible([24.0, 8.0]));
    }
}
