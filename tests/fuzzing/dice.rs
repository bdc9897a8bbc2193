//! Random choices, the same for the same seed.

/// A generator of random numbers (splitmix64).
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Dice {
        Dice(seed)
    }

    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^ (bits >> 31)
    }

    /// A number below `end`; 0 where there is none.
    pub fn below(&mut self, end: usize) -> usize {
        if end == 0 { 0 } else { (self.bits() % end as u64) as usize }
    }

    /// Whether one of `count` throws succeeds.
    pub fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    /// One of a list, which must not be empty.
    pub fn of<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len())]
    }

    /// One of a list that may be empty.
    pub fn of_mut<'a, T>(&mut self, list: &'a mut [T]) -> Option<&'a mut T> {
        let place = self.below(list.len());
        list.get_mut(place)
    }

    /// A whole number that programs stumble over.
    pub fn whole(&mut self) -> i64 {
        const NUMBERS: [i64; 30] = [
            0,
            1,
            2,
            3,
            4,
            5,
            7,
            8,
            9,
            16,
            31,
            64,
            100,
            224,
            1000,
            4096,
            65_535,
            400_000,
            1 << 20,
            i32::MAX as i64,
            1 << 31,
            1 << 33,
            1 << 53,
            i64::MAX,
            -1,
            -2,
            -3,
            -5,
            i32::MIN as i64,
            i64::MIN,
        ];
        if self.one_in(8) { self.bits() as i64 } else { *self.of(&NUMBERS) }
    }

    /// A number that programs stumble over.
    pub fn real(&mut self) -> f32 {
        const NUMBERS: [f32; 14] = [
            0.0,
            -0.0,
            1.0,
            -1.0,
            0.5,
            1e-5,
            1e-12,
            1e-38,
            1e30,
            -1e30,
            f32::MAX,
            f32::NAN,
            f32::INFINITY,
            f32::NEG_INFINITY,
        ];
        if self.one_in(8) { f32::from_bits(self.bits() as u32) } else { *self.of(&NUMBERS) }
    }
}
