//! Faults in the bits of elements.

use crate::{
    Case,
    planted::{Fault, Inner},
};
use async_trait::async_trait;
use fascicle_backend::{ArrayOptions, ArraySpec, ArrayWriter, EntryPath, Region, Result, Values, WriteMode};
use half::f16;

/// Changes elements on their way in.
struct Stored(fn(Values) -> Values);

#[async_trait]
impl Fault for Stored {
    async fn create_array(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        spec: &ArraySpec,
        options: &ArrayOptions,
        mode: WriteMode,
    ) -> Result<Box<dyn ArrayWriter>> {
        let inner = inner.arrays().unwrap().create(path, spec, options, mode).await?;
        Ok(Box::new(AlteredValues { inner, alter: self.0 }))
    }
}

struct AlteredValues {
    inner: Box<dyn ArrayWriter>,
    alter: fn(Values) -> Values,
}

#[async_trait]
impl ArrayWriter for AlteredValues {
    async fn write(&mut self, region: &Region, values: Values) -> Result<()> {
        self.inner.write(region, (self.alter)(values)).await
    }
    async fn finish(self: Box<Self>) -> Result<()> {
        self.inner.finish().await
    }
}

/// Changes elements that are appended, or written in place.
struct Later {
    appended: bool,
    alter: fn(Values) -> Values,
}

#[async_trait]
impl Fault for Later {
    async fn append_array(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        rows: u64,
        values: Values,
    ) -> Result<u64> {
        let values = if self.appended { (self.alter)(values) } else { values };
        inner.arrays().unwrap().append(path, rows, values).await
    }
    async fn write_array(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        region: &Region,
        values: Values,
    ) -> Result<()> {
        let values = if self.appended { values } else { (self.alter)(values) };
        inner.arrays().unwrap().write(path, region, values).await
    }
}

fn each<T: Copy>(elements: Vec<T>, change: impl Fn(T) -> T) -> Vec<T> {
    elements.into_iter().map(change).collect()
}

fn only_times(values: Values) -> Values {
    match values {
        Values::DateTime64(unit, counts) => {
            Values::DateTime64(unit, each(counts, |count| if count == i64::MIN { 0 } else { count }))
        }
        other => other,
    }
}

pub(crate) fn cases() -> Vec<Case> {
    let stored =
        |name, alter: fn(Values) -> Values, caught_by| Case::new(name, move || Stored(alter), caught_by);
    vec![
        stored(
            "bools_are_inverted",
            |values| match values {
                Values::Bool(elements) => Values::Bool(each(elements, |element| !element)),
                other => other,
            },
            &[
                "array::unwritten_elements_hold_the_fill_value",
                "array::overwriting_changes_shape_and_dtype",
                "array::a_region_of_any_dtype_is_written_in_place",
                "dtype::bools_come_back",
                "dtype::every_dtype_can_be_a_scalar",
                "dtype::every_dtype_comes_back_from_chunks",
                "append::every_dtype_is_appended",
            ],
        ),
        stored(
            "the_least_integer_is_lost",
            |values| match values {
                Values::Int32(elements) => Values::Int32(each(elements, |x| x.max(i32::MIN + 1))),
                other => other,
            },
            &["dtype::signed_integers_come_back"],
        ),
        stored(
            "unsigned_integers_become_signed",
            |values| match values {
                Values::UInt64(elements) => Values::UInt64(each(elements, |x| x.min(i64::MAX as u64))),
                other => other,
            },
            &[
                "array::a_region_of_any_dtype_is_written_in_place",
                "dtype::unsigned_integers_come_back",
                "dtype::every_dtype_comes_back_from_chunks",
                "append::every_dtype_is_appended",
            ],
        ),
        stored(
            "integers_pass_through_floats",
            |values| match values {
                Values::Int64(elements) => Values::Int64(each(elements, |x| x as f64 as i64)),
                Values::UInt64(elements) => Values::UInt64(each(elements, |x| x as f64 as u64)),
                other => other,
            },
            &[
                "array::unwritten_elements_hold_the_fill_value",
                "array::a_region_of_any_dtype_is_written_in_place",
                "dtype::signed_integers_come_back",
                "dtype::unsigned_integers_come_back",
                "dtype::every_dtype_can_be_a_scalar",
                "dtype::every_dtype_comes_back_from_chunks",
                "append::every_dtype_is_appended",
            ],
        ),
        stored(
            "float16_is_quieted",
            |values| match values {
                Values::Float16(elements) => {
                    Values::Float16(each(elements, |x| if x.is_nan() { f16::NAN } else { x }))
                }
                other => other,
            },
            &["dtype::every_float16_comes_back"],
        ),
        stored(
            "small_float32_is_flushed_to_zero",
            |values| match values {
                Values::Float32(elements) => {
                    Values::Float32(each(elements, |x| if x.is_subnormal() { 0.0 } else { x }))
                }
                other => other,
            },
            &["dtype::float32_comes_back"],
        ),
        stored(
            "float64_is_stored_as_float32",
            |values| match values {
                Values::Float64(elements) => {
                    Values::Float64(each(elements, |x| if x.is_nan() { x } else { f64::from(x as f32) }))
                }
                other => other,
            },
            &[
                "array::a_scalar_holds_one_element",
                "array::every_codec_is_lossless_or_refused",
                "array::a_region_of_any_dtype_is_written_in_place",
                "dtype::float64_comes_back",
                "dtype::every_dtype_comes_back_from_chunks",
                "append::every_dtype_is_appended",
            ],
        ),
        stored(
            "payloads_of_nan_are_lost",
            |values| match values {
                Values::Float32(elements) => {
                    Values::Float32(each(elements, |x| if x.is_nan() { f32::NAN } else { x }))
                }
                Values::Float64(elements) => {
                    Values::Float64(each(elements, |x| if x.is_nan() { f64::NAN } else { x }))
                }
                other => other,
            },
            &["dtype::payloads_of_nan_come_back"],
        ),
        stored(
            "minus_zero_becomes_zero",
            |values| match values {
                Values::Float64(elements) => {
                    Values::Float64(each(elements, |x| if x == 0.0 { 0.0 } else { x }))
                }
                other => other,
            },
            &["dtype::zero_keeps_its_sign"],
        ),
        stored(
            "half_complex_nan_becomes_nan",
            |values| match values {
                Values::Complex128(elements) => Values::Complex128(each(elements, |x| {
                    if x.is_nan() { num_complex::Complex::new(f64::NAN, f64::NAN) } else { x }
                })),
                other => other,
            },
            &["dtype::complex_numbers_come_back"],
        ),
        stored(
            "fixed_bytes_end_at_a_zero",
            |values| match values {
                Values::FixedBytes { width, mut bytes } => {
                    for element in bytes.chunks_mut(width as usize) {
                        let end = element.iter().position(|byte| *byte == 0).unwrap_or(element.len());
                        element[end..].fill(0);
                    }
                    Values::FixedBytes { width, bytes }
                }
                other => other,
            },
            &[
                "array::a_region_of_any_dtype_is_written_in_place",
                "dtype::fixed_bytes_come_back",
                "dtype::every_dtype_comes_back_from_chunks",
                "append::every_dtype_is_appended",
                "limit::the_greatest_width_works",
            ],
        ),
        stored(
            "text_is_trimmed",
            |values| match values {
                Values::Text(texts) => {
                    Values::Text(texts.iter().map(|text| text.trim().to_owned()).collect())
                }
                other => other,
            },
            &["dtype::text_comes_back"],
        ),
        stored(
            "text_is_normalised",
            |values| match values {
                Values::Text(texts) => {
                    Values::Text(texts.iter().map(|text| text.replace("e\u{301}", "é")).collect())
                }
                other => other,
            },
            &["dtype::text_comes_back"],
        ),
        stored(
            "long_text_is_cut",
            |values| match values {
                Values::Text(texts) => {
                    Values::Text(texts.iter().map(|text| text.chars().take(100_000).collect()).collect())
                }
                other => other,
            },
            &["limit::a_long_text_works"],
        ),
        stored("not_a_time_becomes_the_epoch", only_times, &["dtype::datetimes_come_back"]),
        stored(
            "long_spans_of_time_are_clipped",
            |values| match values {
                Values::TimeDelta64(unit, counts) => {
                    Values::TimeDelta64(unit, each(counts, |x| x.min(1 << 62)))
                }
                other => other,
            },
            &["dtype::timedeltas_come_back"],
        ),
        stored(
            "wide_fixed_bytes_are_zeroed",
            |values| match values {
                Values::FixedBytes { width, bytes } if width > 65_535 => {
                    Values::FixedBytes { width, bytes: vec![0; bytes.len()] }
                }
                other => other,
            },
            &["limit::the_greatest_width_works"],
        ),
        Case::new(
            "appended_text_is_lost",
            || Later {
                appended: true,
                alter: |values| match values {
                    Values::Text(texts) => Values::Text(vec![String::new(); texts.len()]),
                    other => other,
                },
            },
            &["append::every_dtype_is_appended"],
        ),
        Case::new(
            "text_written_in_place_is_lost",
            || Later {
                appended: false,
                alter: |values| match values {
                    Values::Text(texts) => Values::Text(vec![String::new(); texts.len()]),
                    other => other,
                },
            },
            &["array::a_region_of_any_dtype_is_written_in_place"],
        ),
    ]
}
