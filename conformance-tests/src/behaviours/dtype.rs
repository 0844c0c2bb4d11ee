//! Every dtype keeps every bit of every value.

use super::prelude::*;
use fascicle_backend::TimeUnit;
use half::f16;
use num_complex::Complex;

behaviours! { "dtype"
    /// Both values of `bool` come back.
    bools_come_back [Write, Arrays];
    /// Signed integers come back, the least and the greatest included.
    signed_integers_come_back [Write, Arrays];
    /// Unsigned integers come back, the greatest included.
    unsigned_integers_come_back [Write, Arrays];
    /// All 65,536 values of `float16` come back.
    every_float16_comes_back [Write, Arrays];
    /// Values of `float32` come back: extremes, subnormals and infinities.
    float32_comes_back [Write, Arrays];
    /// Values of `float64` come back: extremes, subnormals and infinities.
    float64_comes_back [Write, Arrays];
    /// The payload and the sign of a NaN come back.
    payloads_of_nan_come_back [Write, Arrays];
    /// Zero keeps its sign.
    zero_keeps_its_sign [Write, Arrays];
    /// Complex numbers come back, with NaN and infinity in either part.
    complex_numbers_come_back [Write, Arrays];
    /// Fixed-length bytes come back, zero bytes within and at the end included.
    fixed_bytes_come_back [Write, Arrays];
    /// Text comes back: empty, long, in any script, as it is and not normalised.
    text_comes_back [Write, Arrays];
    /// Points in time come back in every unit, "not a time" and the extremes included.
    datetimes_come_back [Write, Arrays];
    /// Spans of time come back in every unit, "not a time" and the extremes included.
    timedeltas_come_back [Write, Arrays];
    /// Every dtype is described as it was declared, the unit and the width included.
    every_dtype_is_described [Write, Arrays];
    /// Every dtype can be a scalar.
    every_dtype_can_be_a_scalar [Write, Arrays];
    /// Every dtype comes back when it is stored in chunks and compressed.
    every_dtype_comes_back_from_chunks [Write, Arrays];
}

/// Writes values as an array of one axis and expects their bits back.
async fn come_back(place: &Place, values: Values) -> Checked {
    place.put_array("x", &[values.len() as u64], values.clone()).await?;
    ensure_eq!(place.array("x").await?.1, Bits(values), "the elements");
    Ok(())
}

async fn bools_come_back(subject: Subject) -> Checked {
    come_back(&subject.open().await?, Values::Bool(vec![true, false, false, true, true])).await
}

async fn signed_integers_come_back(subject: Subject) -> Checked {
    let place = subject.open().await?;
    come_back(&place, Values::Int8(vec![i8::MIN, -1, 0, 1, i8::MAX])).await?;
    come_back(&place, Values::Int16(vec![i16::MIN, -1, 0, 1, 258, i16::MAX])).await?;
    come_back(&place, Values::Int32(vec![i32::MIN, -1, 0, 1, 16_909_060, i32::MAX])).await?;
    come_back(&place, Values::Int64(vec![i64::MIN, -1, 0, 1, (1 << 53) + 1, i64::MAX])).await
}

async fn unsigned_integers_come_back(subject: Subject) -> Checked {
    let place = subject.open().await?;
    come_back(&place, Values::UInt8((0..=u8::MAX).collect())).await?;
    come_back(&place, Values::UInt16(vec![0, 1, 258, 0x8000, u16::MAX])).await?;
    come_back(&place, Values::UInt32(vec![0, 1, 16_909_060, 0x8000_0000, u32::MAX])).await?;
    come_back(&place, Values::UInt64(vec![0, 1, (1 << 53) + 1, 1 << 63, u64::MAX])).await
}

async fn every_float16_comes_back(subject: Subject) -> Checked {
    come_back(&subject.open().await?, Values::Float16((0..=u16::MAX).map(f16::from_bits).collect())).await
}

async fn float32_comes_back(subject: Subject) -> Checked {
    let values =
        vec![f32::MIN, f32::MAX, f32::MIN_POSITIVE, 1e-45, -1e-40, f32::INFINITY, f32::NEG_INFINITY, 0.1];
    come_back(&subject.open().await?, Values::Float32(values)).await
}

async fn float64_comes_back(subject: Subject) -> Checked {
    let values = vec![
        f64::MIN,
        f64::MAX,
        f64::MIN_POSITIVE,
        5e-324,
        -1e-310,
        f64::INFINITY,
        f64::NEG_INFINITY,
        0.1,
        1e300,
    ];
    come_back(&subject.open().await?, Values::Float64(values)).await
}

async fn payloads_of_nan_come_back(subject: Subject) -> Checked {
    let place = subject.open().await?;
    // Quiet and signalling, of both signs.
    let bits = [0x7fc0_0000, 0xffc0_0000, 0x7fc0_1234, 0x7f80_0001, 0xffbf_ffff];
    come_back(&place, Values::Float32(bits.map(f32::from_bits).to_vec())).await?;
    let bits = [
        0x7ff8_0000_0000_0000,
        0xfff8_0000_0000_0000,
        0x7ff8_0000_dead_beef,
        0x7ff0_0000_0000_0001,
        0xfff7_ffff_ffff_ffff,
    ];
    come_back(&place, Values::Float64(bits.map(f64::from_bits).to_vec())).await
}

async fn zero_keeps_its_sign(subject: Subject) -> Checked {
    let place = subject.open().await?;
    come_back(&place, Values::Float16(vec![f16::NEG_ZERO, f16::ZERO])).await?;
    come_back(&place, Values::Float32(vec![-0.0, 0.0])).await?;
    come_back(&place, Values::Float64(vec![-0.0, 0.0])).await?;
    come_back(&place, Values::Complex128(vec![Complex::new(-0.0, 0.0), Complex::new(0.0, -0.0)])).await
}

async fn complex_numbers_come_back(subject: Subject) -> Checked {
    let place = subject.open().await?;
    let parts = [0.0, -1.5, 1e30, f32::INFINITY, f32::NAN];
    let all = parts.iter().flat_map(|re| parts.iter().map(|im| Complex::new(*re, *im)));
    come_back(&place, Values::Complex64(all.collect())).await?;
    let parts = [0.0, -1.5, 1e300, f64::NEG_INFINITY, f64::NAN];
    let all = parts.iter().flat_map(|re| parts.iter().map(|im| Complex::new(*re, *im)));
    come_back(&place, Values::Complex128(all.collect())).await
}

async fn fixed_bytes_come_back(subject: Subject) -> Checked {
    let place = subject.open().await?;
    come_back(&place, Values::FixedBytes { width: 1, bytes: (0..=255).collect() }).await?;
    come_back(&place, Values::FixedBytes { width: 4, bytes: b"abcda\0\0\0\0\0\0\0\0a\0b\0\0\0d".to_vec() })
        .await?;
    come_back(&place, Values::FixedBytes { width: 1000, bytes: samples::bytes(1, 3000) }).await
}

async fn text_comes_back(subject: Subject) -> Checked {
    let place = subject.open().await?;
    let long = "long ü ".repeat(10_000);
    let texts = [
        "",
        "a",
        " padded ",
        "日本",
        "🙂",
        "e\u{301}",
        "é",
        "line\nbreak\r\n\ttab",
        "'\"\\",
        "nan",
        &long,
        "",
    ];
    come_back(&place, Values::Text(texts.map(str::to_owned).to_vec())).await
}

const COUNTS: [i64; 7] = [i64::MIN, i64::MIN + 1, -1, 0, 1, 1_700_000_000_123_456_789, i64::MAX];

async fn datetimes_come_back(subject: Subject) -> Checked {
    let place = subject.open().await?;
    for unit in TimeUnit::ALL {
        come_back(&place, Values::DateTime64(unit, COUNTS.to_vec())).await?;
    }
    Ok(())
}

async fn timedeltas_come_back(subject: Subject) -> Checked {
    let place = subject.open().await?;
    for unit in TimeUnit::ALL {
        come_back(&place, Values::TimeDelta64(unit, COUNTS.to_vec())).await?;
    }
    Ok(())
}

async fn every_dtype_is_described(subject: Subject) -> Checked {
    let place = subject.open().await?;
    for dtype in samples::every_dtype() {
        place.put_array("x", &[2], samples::numbered(dtype, 0, 2)).await?;
        ensure_eq!(place.array_store()?.describe(&at("x")?).await?.dtype, dtype, "the dtype");
    }
    Ok(())
}

async fn every_dtype_can_be_a_scalar(subject: Subject) -> Checked {
    let place = subject.open().await?;
    for dtype in samples::every_dtype() {
        let value = samples::numbered(dtype, 5, 1);
        place.put_array("x", &[], value.clone()).await?;
        ensure_eq!(place.array("x").await?, (shape(&[])?, Bits(value)), "the scalar of {dtype}");
    }
    Ok(())
}

async fn every_dtype_comes_back_from_chunks(subject: Subject) -> Checked {
    let place = subject.open().await?;
    let options =
        ArrayOptions::default().with_chunks([3, 2]).with_codec(fascicle_backend::Codec::Gzip { level: 1 });
    for dtype in samples::every_dtype() {
        let values = samples::numbered(dtype, 0, 35);
        let written =
            place.put_array_with("x", &[7, 5], values.clone(), &options, WriteMode::Overwrite).await;
        match written {
            // A storage without this codec still has chunks.
            Err(error) if error.kind() == ErrorKind::Unsupported => {
                let options = ArrayOptions::default().with_chunks([3, 2]);
                place.put_array_with("x", &[7, 5], values.clone(), &options, WriteMode::Overwrite).await?;
            }
            other => other?,
        }
        ensure_eq!(place.array("x").await?.1, Bits(values), "the elements of {dtype}");
    }
    Ok(())
}
