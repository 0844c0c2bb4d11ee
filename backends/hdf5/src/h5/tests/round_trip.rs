//! What was written is what is read.

use super::*;
use crate::h5::{
    dataset::NAME,
    dtype::ElementType,
    elements::space,
    library::{Handle, exclusively},
    open::{close, create_privately},
    write_region,
};
use fascicle_backend::{AxisRegion, Codec, ErrorKind};
use hdf5_sys::{
    h5d::{H5Dcreate2, H5Dwrite},
    h5p::H5P_DEFAULT,
    h5s::H5S_ALL,
    h5t::{H5T_COMPOUND, H5Tcomplex_create, H5Tcreate, H5Tenum_create, H5Tenum_insert, H5Tinsert},
};

#[test]
fn every_dtype_comes_back_bit_for_bit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.h5");
    let codecs = [None, Some(Codec::Uncompressed), Some(Codec::Gzip { level: 3 })];
    for (seed, dtype) in every_dtype().into_iter().enumerate() {
        for lengths in [&[][..], &[5], &[3, 4], &[2, 3, 4], &[2, 1, 3, 2], &[0], &[0, 3], &[3, 0], &[2, 0, 4]]
        {
            for codec in codecs {
                let shape = shape(lengths);
                let values = Random::new(seed as u64).values(dtype, shape.element_count());
                let options = ArrayOptions { codec, ..ArrayOptions::default() };
                write_new(&path, &shape, &values, &options).unwrap();
                let (found_shape, found) = read_whole(&path).unwrap();
                assert_eq!(found_shape, shape);
                assert_same(&found, &values, &format!("{dtype} {shape} {codec:?}"));
            }
        }
    }
}

#[test]
fn regions_with_steps_are_read_and_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.h5");
    for (seed, lengths) in [&[17][..], &[6, 5], &[4, 3, 5], &[3, 4, 2, 3]].into_iter().enumerate() {
        let mut random = Random::new(seed as u64);
        let shape = shape(lengths);
        for dtype in [DType::Int16, DType::Bool, DType::Text, DType::FixedBytes(3), DType::Complex128] {
            let mut values = random.values(dtype, shape.element_count());
            let chunks: Vec<u64> = lengths.iter().map(|length| 1 + random.below(*length)).collect();
            write_new(&path, &shape, &values, &ArrayOptions::default().with_chunks(chunks)).unwrap();
            for _ in 0..20 {
                let axes = lengths.iter().map(|length| {
                    let (start, step) = (random.below(*length), 1 + random.below(3));
                    AxisRegion { start, step, count: random.below((length - start).div_ceil(step) + 1) }
                });
                let region = Region::new(axes.collect::<Vec<_>>());
                let expected = pick(&values, &shape, &region);
                let buffer = Values::zeros(dtype, region.element_count().unwrap()).unwrap();
                assert_same(
                    &read(&path, &region, buffer).unwrap(),
                    &expected,
                    &format!("{dtype} {region:?}"),
                );

                if dtype != DType::Text && region.element_count().unwrap() > 0 {
                    let new = random.values(dtype, region.element_count().unwrap());
                    let outcome = write_region(&path, Audience::Public, &region, &new, OPTIONS).unwrap();
                    assert_eq!(outcome, InPlace::Done(()));
                    let buffer = Values::zeros(dtype, new.len() as u64).unwrap();
                    assert_same(&read(&path, &region, buffer).unwrap(), &new, "what was just written");
                    values = read_whole(&path).unwrap().1;
                }
            }
        }
    }
}

#[test]
fn what_is_never_written_holds_the_fill_value() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.h5");
    for (seed, dtype) in every_dtype().into_iter().enumerate() {
        let mut random = Random::new(seed as u64);
        for lengths in [&[][..], &[3], &[3, 2]] {
            for fill in [None, Some(random.values(dtype, 1))] {
                let spec = ArraySpec { shape: shape(lengths), dtype };
                let options = ArrayOptions { fill: fill.clone(), ..ArrayOptions::default() };
                let zero = Values::zeros(dtype, 1).unwrap();
                let expected = fill.clone().unwrap_or_else(|| zero.clone());
                NewArray::create(&path, &spec, &options).unwrap().finish().unwrap();
                let (_, found) = read_whole(&path).unwrap();
                for element in 0..found.len() {
                    let element = found.slice(element..element + 1).unwrap();
                    assert_same(&element, &expected, &format!("{dtype}, filled with {fill:?}"));
                }
                let described = describe(&path).unwrap().fill;
                match fill.filter(|fill| !fill.same_bits(&zero)) {
                    Some(fill) => assert_same(&described.unwrap(), &fill, "the description"),
                    None => assert!(described.is_none()),
                }
            }
        }
    }
}

#[test]
fn descriptions_tell_how_an_array_is_stored() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.h5");
    let values = Values::Float64(vec![0.0; 5000]);
    write_new(&path, &shape(&[5000]), &values, &ArrayOptions::default()).unwrap();
    let plain = describe(&path).unwrap();
    assert_eq!((plain.chunks, plain.codecs.len()), (Some(vec![4096]), 0));
    assert_eq!(plain.stored_bytes, Some(2 * 4096 * 8));

    let options = ArrayOptions::default().with_codec(Codec::Gzip { level: 9 }).with_chunks([100]);
    write_new(&path, &shape(&[5000]), &values, &options).unwrap();
    let small = describe(&path).unwrap();
    assert_eq!(small.chunks, Some(vec![100]));
    assert_eq!(small.codecs, ["shuffle", "deflate", "fletcher32"]);
    assert!(small.stored_bytes.unwrap() < 5000);
}

#[test]
fn zstd_is_refused_and_leaves_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.h5");
    let options = ArrayOptions::default().with_codec(Codec::Zstd { level: 3 });
    let error = write_new(&path, &shape(&[1]), &Values::Int8(vec![1]), &options).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.advice().unwrap().contains("gzip"));
    assert!(!path.exists());
}

#[test]
fn a_region_or_dtype_that_no_longer_fits_is_a_conflict() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.h5");
    write_new(&path, &shape(&[3]), &Values::Int8(vec![1, 2, 3]), &ArrayOptions::default()).unwrap();
    let beyond = Region::new([AxisRegion { start: 2, step: 1, count: 2 }]);
    let whole = Region::whole(&shape(&[3]));
    let zeros = |dtype, count| Values::zeros(dtype, count).unwrap();
    assert_eq!(kind_of(read(&path, &beyond, zeros(DType::Int8, 2))), ErrorKind::Conflict);
    assert_eq!(kind_of(read(&path, &whole, zeros(DType::Int16, 3))), ErrorKind::Conflict);
    for (region, values) in [(&beyond, zeros(DType::Int8, 2)), (&whole, zeros(DType::UInt8, 3))] {
        let outcome = write_region(&path, Audience::Public, region, &values, OPTIONS);
        assert_eq!(kind_of(outcome), ErrorKind::Conflict);
    }
    assert_same(&read_whole(&path).unwrap().1, &Values::Int8(vec![1, 2, 3]), "the refused array");
}

#[test]
fn huge_rows_are_stored_in_parts() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.h5");
    let spec = ArraySpec { shape: shape(&[2, 1 << 40]), dtype: DType::UInt8 };
    let mut array = NewArray::create(&path, &spec, &ArrayOptions::default()).unwrap();
    let last = AxisRegion { start: 1, step: 1, count: 1 };
    let region = Region::new([last, AxisRegion { start: (1 << 40) - 2, step: 1, count: 2 }]);
    array.write(&region, &Values::UInt8(vec![7, 8])).unwrap();
    array.finish().unwrap();
    assert_same(
        &read(&path, &region, Values::UInt8(vec![0, 0])).unwrap(),
        &Values::UInt8(vec![7, 8]),
        "the end",
    );
    assert!(std::fs::metadata(&path).unwrap().len() < 4 << 20);
}

/// Writes `bytes`, elements of the stored type `id`, as the dataset `data` of a new file.
fn write_as(path: &Path, stored: &Handle, count: u64, bytes: &[u8]) {
    exclusively(|| {
        let file = create_privately(path)?;
        let space = space(&[count], None)?;
        let dataset = Handle::owned(call!(H5Dcreate2(
            file.id(),
            NAME.as_ptr(),
            stored.id(),
            space.id(),
            H5P_DEFAULT,
            H5P_DEFAULT,
            H5P_DEFAULT
        ))?);
        let (all, from) = (H5S_ALL, bytes.as_ptr().cast());
        call!(H5Dwrite(dataset.id(), stored.id(), all, all, H5P_DEFAULT, from))?;
        drop(dataset);
        close(file)
    })
    .unwrap();
}

#[test]
fn complex_numbers_and_bools_of_other_programs_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.h5");
    let float = ElementType::for_writing(DType::Float32).unwrap();
    let values = Random::new(3).values(DType::Complex64, 4);
    let bytes = values.as_bytes().unwrap();

    let complex = Handle::owned(call!(H5Tcomplex_create(float.memory())).unwrap());
    write_as(&path, &complex, 4, bytes);
    assert_same(&read_whole(&path).unwrap().1, &values, "complex numbers of HDF5 2.0");

    // The imaginary part first, and a gap between the parts.
    let spread = Handle::owned(call!(H5Tcreate(H5T_COMPOUND, 16)).unwrap());
    call!(H5Tinsert(spread.id(), c"i".as_ptr(), 0, float.memory())).unwrap();
    call!(H5Tinsert(spread.id(), c"r".as_ptr(), 12, float.memory())).unwrap();
    let swapped = bytes.chunks(8).flat_map(|number| [&number[4..], &[9; 8], &number[..4]].concat());
    write_as(&path, &spread, 4, &swapped.collect::<Vec<u8>>());
    assert_same(&read_whole(&path).unwrap().1, &values, "a spread compound");

    let wide = ElementType::for_writing(DType::UInt16).unwrap();
    let truth = Handle::owned(call!(H5Tenum_create(wide.memory())).unwrap());
    for (name, value) in [(c"True", 1u16), (c"False", 0)] {
        call!(H5Tenum_insert(truth.id(), name.as_ptr(), (&raw const value).cast())).unwrap();
    }
    write_as(&path, &truth, 3, bytemuck::cast_slice(&[1u16, 0, 1]));
    assert_same(&read_whole(&path).unwrap().1, &Values::Bool(vec![true, false, true]), "bools of 16 bits");
}
