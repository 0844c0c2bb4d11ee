//! Damaged files are errors: no signal, no panic, no endless wait.

use super::*;
use crate::h5::{read_attributes, write_region};
use fascicle_backend::{Codec, ErrorKind};
use std::time::Instant;

/// The only kinds that damage may show as.
fn is_typed(kind: ErrorKind) -> bool {
    use ErrorKind::*;
    matches!(kind, Corrupt | Unsupported | LimitExceeded | Busy | Conflict | Mismatch | Storage)
}

fn exercise(path: &Path, what: &str) {
    let rows = Values::Int32(vec![1; 6]);
    let outcomes = [
        describe(path).map(drop),
        // A damaged shape may claim more than fits into memory, which only the caller's allocation decides.
        describe(path).and_then(|description| {
            let region = Region::rows(&description.shape, 0, description.shape.rows().unwrap_or(0).min(4));
            if region.element_count()? > 1 << 20 {
                return Ok(());
            }
            let buffer = Values::zeros(description.dtype, region.element_count()?)?;
            read(path, &region, buffer).map(drop)
        }),
        read_attributes(path).map(drop),
        append(path, Audience::Public, 2, &rows, OPTIONS).map(drop),
        describe(path).and_then(|description| {
            let region = Region::rows(&description.shape, 0, 1);
            if region.element_count()? > 1 << 20 {
                return Ok(());
            }
            let values = Values::zeros(description.dtype, region.element_count()?)?;
            write_region(path, Audience::Public, &region, &values, OPTIONS).map(drop)
        }),
    ];
    for outcome in outcomes {
        if let Err(error) = outcome {
            assert!(is_typed(error.kind()), "{what}: {error:?}");
        }
    }
}

#[test]
fn damaged_files_are_typed_errors() {
    let seed = 20_240_607;
    let mut random = Random::new(seed);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.h5");
    for (codec, dtype) in [
        (None, DType::Int32),
        (Some(Codec::Gzip { level: 6 }), DType::Int32),
        (None, DType::Text),
        (None, DType::Complex64),
    ] {
        let values = random.values(dtype, 60);
        let options = ArrayOptions { codec, ..ArrayOptions::default() }
            .with_chunks([4, 3])
            .with_attribute("text", "an attribute")
            .with_attribute("list", vec![1, 2, 3]);
        write_new(&path, &shape(&[20, 3]), &values, &options).unwrap();
        let sound = std::fs::read(&path).unwrap();
        let started = Instant::now();
        for round in 0..100 {
            let mut damaged = sound.clone();
            if random.below(4) == 0 {
                damaged.truncate(random.below(sound.len() as u64) as usize);
            } else {
                for _ in 0..=random.below(3) {
                    let at = random.below(sound.len() as u64) as usize;
                    damaged[at] = random.next() as u8;
                }
            }
            std::fs::write(&path, &damaged).unwrap();
            exercise(&path, &format!("seed {seed}, {codec:?} {dtype}, round {round}"));
        }
        assert!(started.elapsed().as_secs() < 120, "{:?}", started.elapsed());
    }
}

#[test]
fn truncated_files_are_corrupt_and_never_zeros() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.h5");
    write_new(&path, &shape(&[5000]), &Values::UInt8(vec![7; 5000]), &ArrayOptions::default()).unwrap();
    let sound = std::fs::read(&path).unwrap();
    for length in [0, 10, 47, 48, 100, sound.len() / 2, sound.len() - 1] {
        std::fs::write(&path, &sound[..length]).unwrap();
        assert_eq!(kind_of(describe(&path)), ErrorKind::Corrupt, "{length} bytes");
        assert_eq!(kind_of(read_attributes(&path)), ErrorKind::Corrupt, "{length} bytes");
    }
}

#[test]
fn what_is_no_array_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(kind_of(describe(&folder.path().join("none.h5"))), ErrorKind::NotFound);
    assert_eq!(kind_of(describe(folder.path())), ErrorKind::WrongKind);
    let text = folder.path().join("text.h5");
    std::fs::write(&text, "no HDF5 at all").unwrap();
    assert_eq!(kind_of(describe(&text)), ErrorKind::Corrupt);
}
