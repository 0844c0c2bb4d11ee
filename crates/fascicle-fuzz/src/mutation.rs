//! Mutations of known inputs.

use fastrand::Rng;

/// Bytes of interest to whoever reads lengths and numbers.
const NUMBERS: [u64; 12] =
    [0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fff_ffff, 0xffff_ffff, 1 << 43, i64::MAX as u64, u64::MAX];

/// The longest input that is made.
const LONGEST: usize = 1 << 20;

/// Makes inputs of others, from one seed.
#[derive(Debug)]
pub struct Mutator {
    random: Rng,
}

impl Mutator {
    /// The same seed makes the same inputs of the same corpus.
    pub fn new(seed: u64) -> Self {
        Mutator { random: Rng::with_seed(seed) }
    }

    /// A new input, made of one or two of the corpus.
    pub fn next(&mut self, corpus: &[Vec<u8>], tokens: &[&str]) -> Vec<u8> {
        let pick = |random: &mut Rng| match corpus.len() {
            0 => Vec::new(),
            many => corpus.get(random.usize(..many)).cloned().unwrap_or_default(),
        };
        let mut input = pick(&mut self.random);
        for _ in 0..=self.random.usize(..4) {
            let other = pick(&mut self.random);
            self.mutate(&mut input, &other, tokens);
        }
        input.truncate(LONGEST);
        input
    }

    fn mutate(&mut self, input: &mut Vec<u8>, other: &[u8], tokens: &[&str]) {
        let random = &mut self.random;
        let at = random.usize(..=input.len());
        let end = (at + random.usize(..16)).min(input.len());
        match random.u8(..10) {
            0 => flip(input, at, 1 << random.u8(..8)),
            1 => flip(input, at, random.u8(1..)),
            2 => input.truncate(at),
            3 => drop(input.drain(at..end)),
            4 => {
                let again: Vec<u8> = input.iter().copied().skip(at).take(random.usize(..64)).collect();
                input.splice(at..at, again);
            }
            5 => {
                let noise: Vec<u8> = (0..random.usize(..8)).map(|_| random.u8(..)).collect();
                input.splice(at..end, noise);
            }
            6 => {
                let number =
                    random.choice(NUMBERS).unwrap_or_default().wrapping_add(random.u64(..3)).wrapping_sub(1);
                let width = 1 << random.usize(..4);
                let bytes: Vec<u8> = number.to_le_bytes().into_iter().take(width).collect();
                let end = (at + width).min(input.len());
                input.splice(at..end, bytes);
            }
            7 => {
                let number = random.choice(NUMBERS).unwrap_or_default().to_string();
                let digits = input.iter().skip(at).take_while(|byte| byte.is_ascii_digit()).count();
                input.splice(at..at + digits, number.into_bytes());
            }
            8 => {
                let token = random.choice(tokens.iter().copied()).unwrap_or("\0");
                input.splice(at..end, token.bytes());
            }
            _ => {
                let from = random.usize(..=other.len());
                input.truncate(at);
                input.extend(other.iter().skip(from));
            }
        }
    }
}

fn flip(input: &mut [u8], at: usize, bits: u8) {
    if let Some(byte) = input.get_mut(at) {
        *byte ^= bits;
    }
}
