//! Arrays that grow.

use super::*;
use crate::h5::{
    Original,
    dataset::NewDataset,
    library::exclusively,
    open::{close, create_privately},
};
use fascicle_backend::{Codec, ErrorKind};

#[test]
fn every_dtype_grows() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.h5");
    for (seed, dtype) in every_dtype().into_iter().enumerate() {
        for lengths in [&[0][..], &[3], &[0, 2], &[2, 3], &[1, 2, 2], &[2, 0]] {
            for codec in [None, Some(Codec::Gzip { level: 1 })] {
                let mut random = Random::new(seed as u64);
                let mut whole = shape(lengths);
                let first = random.values(dtype, whole.element_count());
                let options = ArrayOptions { codec, ..ArrayOptions::default() };
                write_new(&path, &whole, &first, &options).unwrap();
                let mut parts = vec![first];
                for rows in [1, 0, 4] {
                    let added = random.values(dtype, whole.with_rows(rows).unwrap().element_count());
                    let total = grow(&path, rows, &added).unwrap();
                    whole = whole.with_rows(whole.rows().unwrap() + rows).unwrap();
                    assert_eq!(total, whole.rows().unwrap());
                    parts.push(added);
                }
                let (found_shape, found) = read_whole(&path).unwrap();
                assert_eq!(found_shape, whole);
                let mut at = 0;
                for part in parts {
                    assert_same(
                        &found.slice(at..at + part.len()).unwrap(),
                        &part,
                        &format!("{dtype} {whole}"),
                    );
                    at += part.len();
                }
            }
        }
    }
}

/// Appends in place or through a copy, as the array store does.
fn grow(path: &Path, rows: u64, values: &Values) -> Result<u64> {
    let copy = path.with_extension("copy");
    let rewrite = match append(path, Audience::Public, rows, values, OPTIONS)? {
        InPlace::Done(rows) => return Ok(rows),
        InPlace::NeedsCopy => false,
        InPlace::NeedsRewrite => true,
    };
    let original = Original::lock(path, OPTIONS.patience)?;
    if rewrite { original.rewrite(&copy) } else { original.duplicate(&copy) }?;
    let InPlace::Done(total) = append(&copy, Audience::Private, rows, values, OPTIONS)? else {
        panic!("the copy cannot be extended")
    };
    std::fs::rename(&copy, path).unwrap();
    Ok(total)
}

#[test]
fn numbers_grow_in_place_and_text_in_a_copy() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.h5");
    write_new(&path, &shape(&[1]), &Values::Int8(vec![1]), &ArrayOptions::default()).unwrap();
    assert_eq!(
        append(&path, Audience::Public, 1, &Values::Int8(vec![2]), OPTIONS).unwrap(),
        InPlace::Done(2)
    );
    let text = Values::Text(vec!["a".into()]);
    write_new(&path, &shape(&[1]), &text, &ArrayOptions::default()).unwrap();
    assert_eq!(append(&path, Audience::Public, 1, &text, OPTIONS).unwrap(), InPlace::NeedsCopy);
}

#[test]
fn an_array_in_one_piece_is_rewritten_to_grow() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.h5");
    for dtype in every_dtype() {
        let whole = shape(&[4, 3]);
        let values = Random::new(1).values(dtype, 12);
        exclusively(|| {
            let file = create_privately(&path)?;
            let new = NewDataset { shape: &whole, dtype, chunks: None, gzip: None, fill: None };
            new.create(&file)?.write(&Region::whole(&whole), &values)?;
            close(file)
        })
        .unwrap();
        let row = Random::new(2).values(dtype, 3);
        assert_eq!(append(&path, Audience::Public, 1, &row, OPTIONS).unwrap(), InPlace::NeedsRewrite);
        assert_eq!(grow(&path, 1, &row).unwrap(), 5);
        let (found_shape, found) = read_whole(&path).unwrap();
        assert_eq!(found_shape, shape(&[5, 3]));
        assert_same(&found.slice(0..12).unwrap(), &values, "the old rows");
        assert_same(&found.slice(12..15).unwrap(), &row, "the new row");
    }
}

#[test]
fn rows_that_do_not_fit_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.h5");
    write_new(&path, &shape(&[2, 2]), &Values::Int8(vec![1, 2, 3, 4]), &ArrayOptions::default()).unwrap();
    let before = std::fs::read(&path).unwrap();
    for (rows, values) in [
        (1, Values::UInt8(vec![1, 2])),
        (1, Values::Int8(vec![1, 2, 3])),
        (3, Values::Int8(vec![1, 2])),
        (0, Values::Int16(vec![])),
    ] {
        let outcome = append(&path, Audience::Public, rows, &values, OPTIONS);
        assert_eq!(kind_of(outcome), ErrorKind::Mismatch, "{rows} rows of {values:?}");
    }
    assert_eq!(std::fs::read(&path).unwrap(), before);

    write_new(&path, &shape(&[]), &Values::Int8(vec![1]), &ArrayOptions::default()).unwrap();
    let outcome = append(&path, Audience::Public, 1, &Values::Int8(vec![1]), OPTIONS);
    assert_eq!(kind_of(outcome), ErrorKind::Mismatch);
}

#[test]
fn a_large_append_is_one_step() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.h5");
    write_new(&path, &shape(&[0]), &Values::Int64(vec![]), &ArrayOptions::default()).unwrap();
    let many: Vec<i64> = (0..3_000_000).collect();
    append_in_place(&path, 3_000_000, &Values::Int64(many.clone())).unwrap();
    append_in_place(&path, 1, &Values::Int64(vec![-1])).unwrap();
    let expected = many.into_iter().chain([-1]).collect();
    assert_same(&read_whole(&path).unwrap().1, &Values::Int64(expected), "3,000,001 rows");
}
