//! How alike the maps of two variants are.

use super::line::Similarity;
use super::view::View;
use crate::metric::{cosine, pearson, spearman};

/// The similarity of two maps, where both networks look.
pub(super) fn similarity(a: &View, b: &View) -> Similarity {
    if a.is_like(b) {
        // Spearman's correlation is Pearson's of the ranks, which are known for each map.
        let rank = pearson(a.ranks(), b.ranks()).ok();
        return Similarity { cosine: cosine(a.values(), b.values()).ok(), rank };
    }
    match a.on_common_grid(b) {
        Some([a, b]) => Similarity { cosine: cosine(&a, &b).ok(), rank: spearman(&a, &b).ok() },
        None => Similarity { cosine: None, rank: None },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::Map;
    use crate::truth::Frame;

    #[test]
    fn ranks_that_are_known_give_the_same_as_ranks_that_are_not() {
        let frame = Frame::whole([2, 3]);
        let view =
            |values: [f64; 6]| View::new(Map::new(values.to_vec(), 2, 3).unwrap(), frame, false);
        let (a, b) =
            (view([1.0, 5.0, 5.0, -2.0, 0.0, 3.0]), view([2.0, 4.0, -1.0, -1.0, 0.5, 9.0]));
        let found = similarity(&a, &b);
        assert_eq!(found.rank, Some(spearman(a.values(), b.values()).unwrap()));
        assert_eq!(found.cosine, Some(cosine(a.values(), b.values()).unwrap()));
        let itself = similarity(&a, &a);
        assert!((itself.cosine.unwrap() - 1.0).abs() < 1e-12);
        assert!((itself.rank.unwrap() - 1.0).abs() < 1e-12);
        let none = similarity(&a, &view([0.0; 6]));
        assert_eq!(none, Similarity { cosine: None, rank: None });
    }
}
