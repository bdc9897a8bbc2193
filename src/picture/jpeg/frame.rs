//! The frame: the size of the picture and of its components.

/// A picture as its frame header has it.
#[derive(Debug)]
pub(super) struct Frame {
    width: usize,
    height: usize,
    pub components: Vec<Component>,
}

/// A component: one of the colours, perhaps of fewer positions than the picture.
#[derive(Debug)]
pub(super) struct Component {
    pub id: u8,
    /// Blocks of 8x8 in a unit, across and down.
    pub sampling: [usize; 2],
    /// Blocks that the picture needs, across and down.
    pub blocks: [usize; 2],
    /// Blocks in a row as units have them.
    pub stride: usize,
    /// For each block, which of its 64 coefficients are known not to be 0: what the later scans of a progressive
    /// picture depend on.
    pub nonzero: Vec<u64>,
}

/// The most blocks that are walked through: those of a picture of 100 megapixels in three components.
const MOST_BLOCKS: usize = 5_000_000;

impl Frame {
    /// Reads the header; `None` where it makes no sense, which the decoder has words for.
    pub fn parse(data: &[u8]) -> Option<Frame> {
        let [_, a, b, c, d, count, components @ ..] = data else {
            return None;
        };
        let [height, width] = [[*a, *b], [*c, *d]].map(|it| usize::from(u16::from_be_bytes(it)));
        let (components, _) = components.as_chunks::<3>();
        let components = components.get(..usize::from(*count))?;
        let sampling = |[_, both, _]: &[u8; 3]| [both >> 4, both & 15].map(usize::from);
        let most = |axis: usize| components.iter().map(|it| sampling(it)[axis]).max();
        let most = [most(0)?, most(1)?];
        if width == 0 || height == 0 || components.iter().any(|it| sampling(it).contains(&0)) {
            return None;
        }
        let units = |axis: usize| [width, height][axis].div_ceil(8 * most[axis]);
        let component = |it: &[u8; 3]| {
            let sampling = sampling(it);
            let side = |axis: usize| {
                ([width, height][axis] * sampling[axis]).div_ceil(most[axis]).div_ceil(8)
            };
            let stride = units(0) * sampling[0];
            let count = stride * units(1) * sampling[1];
            let blocks = [side(0), side(1)];
            (count, Component { id: it[0], sampling, blocks, stride, nonzero: vec![] })
        };
        let sized: Vec<(usize, Component)> = components.iter().map(component).collect();
        if sized.iter().map(|(count, _)| count).sum::<usize>() > MOST_BLOCKS {
            return None;
        }
        let filled = |(count, it): (usize, Component)| Component { nonzero: vec![0; count], ..it };
        Some(Frame { width, height, components: sized.into_iter().map(filled).collect() })
    }

    /// Units of all components, across and down.
    pub fn units(&self) -> [usize; 2] {
        let most = |axis: usize| self.components.iter().map(|it| it.sampling[axis]).max();
        [0, 1].map(|axis| [self.width, self.height][axis].div_ceil(8 * most(axis).unwrap_or(1)))
    }
}
