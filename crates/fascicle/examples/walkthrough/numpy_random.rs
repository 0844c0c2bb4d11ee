//! NumPy's legacy random numbers (`np.random.seed`, `rand`, `randn`), so that the walk-through shows the numbers that a
//! reader who runs the Python original sees.
//!
//! The Mersenne Twister MT19937 of Matsumoto and Nishimura (1998), doubles of 53 bits, and normal deviates by Marsaglia's
//! polar method.

const STATE_WORDS: usize = 624;

pub(crate) struct NumpyRandom {
    state: [u32; STATE_WORDS],
    next: usize,
    spare_normal: Option<f64>,
}

impl NumpyRandom {
    /// `np.random.seed(seed)`
    pub(crate) fn new(seed: u32) -> Self {
        let mut state = [seed; STATE_WORDS];
        for i in 1..STATE_WORDS {
            let previous = state[i - 1];
            state[i] = 1_812_433_253u32.wrapping_mul(previous ^ (previous >> 30)).wrapping_add(i as u32);
        }
        NumpyRandom { state, next: STATE_WORDS, spare_normal: None }
    }

    /// `np.random.rand()`: uniform in [0, 1).
    pub(crate) fn uniform(&mut self) -> f64 {
        let high = f64::from(self.word() >> 5);
        let low = f64::from(self.word() >> 6);
        (high * 67_108_864.0 + low) / 9_007_199_254_740_992.0
    }

    /// `np.random.randn()`: normal with mean 0 and standard deviation 1.
    pub(crate) fn normal(&mut self) -> f64 {
        if let Some(spare) = self.spare_normal.take() {
            return spare;
        }
        loop {
            let [a, b] = [0, 0].map(|_| 2.0 * self.uniform() - 1.0);
            let square = a * a + b * b;
            if square < 1.0 && square != 0.0 {
                let factor = (-2.0 * square.ln() / square).sqrt();
                self.spare_normal = Some(factor * a);
                return factor * b;
            }
        }
    }

    fn word(&mut self) -> u32 {
        if self.next == STATE_WORDS {
            for i in 0..STATE_WORDS {
                let joined =
                    (self.state[i] & 0x8000_0000) | (self.state[(i + 1) % STATE_WORDS] & 0x7fff_ffff);
                let twist = if joined & 1 == 1 { 0x9908_b0df } else { 0 };
                self.state[i] = self.state[(i + 397) % STATE_WORDS] ^ (joined >> 1) ^ twist;
            }
            self.next = 0;
        }
        let mut word = self.state[self.next];
        self.next += 1;
        word ^= word >> 11;
        word ^= (word << 7) & 0x9d2c_5680;
        word ^= (word << 15) & 0xefc6_0000;
        word ^ (word >> 18)
    }
}
