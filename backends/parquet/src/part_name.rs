//! The names of parts: `part-<20 digits>.parquet`, of which the first ten are the generation and the last ten the position.
//!
//! The generation is chosen anew whenever an array is written anew, so that the parts of the next array can be stored beside those
//! of the one that it replaces. Within a generation, parts are numbered in the order in which they were committed.

use fascicle_backend::{Error, ErrorKind, Result};
use fascicle_tables::{part_name, part_number};

/// How many parts a generation has at most.
const PARTS: u64 = 10_000_000_000;
/// The largest generation.
pub(crate) const MOST_GENERATION: u64 = 1_000_000_000;

/// The file name of the part at a position of a generation.
pub(crate) fn name_of(generation: u64, position: u64) -> Result<String> {
    if generation > MOST_GENERATION || position >= PARTS {
        let why = format!("an array has at most {PARTS} parts");
        return Err(Error::new(ErrorKind::LimitExceeded, why).hint("write the array anew, in fewer parts"));
    }
    Ok(part_name(generation * PARTS + position))
}

/// The generation and the position of a part; `None` when the name is no part's.
pub(crate) fn place_of(name: &str) -> Option<(u64, u64)> {
    let number = part_number(name)?;
    Some((number / PARTS, number % PARTS))
}

/// A generation that nobody else has chosen, very likely; whoever stores the first part of it finds out.
pub(crate) fn new_generation() -> Result<u64> {
    let mut bytes = [0u8; 8];
    getrandom::fill(&mut bytes).map_err(|error| {
        Error::new(ErrorKind::Storage, "the system gives no random numbers").caused_by(error)
    })?;
    Ok(1 + u64::from_le_bytes(bytes) % MOST_GENERATION)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_places_belong_together() {
        for place in [(0, 0), (1, 2), (MOST_GENERATION, PARTS - 1)] {
            let name = name_of(place.0, place.1).unwrap();
            assert_eq!((name.len(), place_of(&name)), (33, Some(place)));
        }
        assert_eq!(name_of(3, 4).unwrap(), "part-00000000030000000004.parquet");
        assert_eq!(name_of(0, PARTS).unwrap_err().kind(), ErrorKind::LimitExceeded);
        assert_eq!(place_of("part-3.parquet"), None);
    }
}
