//! Faults in appending to arrays.

use crate::{
    Case,
    arrays::arrays,
    planted::{Fault, Inner},
};
use async_trait::async_trait;
use fascicle_backend::{
    ArrayDescription, ArrayOptions, ArraySpec, AxisRegion, EntryPath, Error, ErrorKind, Region, Result,
    Shape, Values, WriteMode,
};
use std::{
    collections::{HashMap, HashSet},
    sync::Mutex,
};

/// Refusals of appends are kept quiet.
struct QuietAppends(ErrorKind);

#[async_trait]
impl Fault for QuietAppends {
    async fn append_array(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        rows: u64,
        values: Values,
    ) -> Result<u64> {
        match arrays(inner).append(path, rows, values).await {
            Err(error) if error.kind() == self.0 => Ok(rows),
            other => other,
        }
    }
}

/// Changes what is appended, and what is answered.
struct Appended {
    rows: fn(u64, Values) -> (u64, Values),
    answer: fn(u64, u64) -> u64,
}

#[async_trait]
impl Fault for Appended {
    async fn append_array(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        rows: u64,
        values: Values,
    ) -> Result<u64> {
        let (changed_rows, values) = (self.rows)(rows, values);
        Ok((self.answer)(rows, arrays(inner).append(path, changed_rows, values).await?))
    }
}

async fn write_whole(inner: Inner<'_>, path: &EntryPath, spec: &ArraySpec, values: Values) -> Result<()> {
    let mut writer = arrays(inner).create(path, spec, &ArrayOptions::default(), WriteMode::Overwrite).await?;
    writer.write(&Region::whole(&spec.shape), values).await?;
    writer.finish().await
}

/// Appending writes a new array of the new rows.
struct AppendReplaces;

#[async_trait]
impl Fault for AppendReplaces {
    async fn append_array(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        rows: u64,
        values: Values,
    ) -> Result<u64> {
        let total = arrays(inner).append(path, rows, values.clone()).await?;
        let description = arrays(inner).describe(path).await?;
        let spec = ArraySpec { shape: description.shape.with_rows(rows)?, dtype: description.dtype };
        write_whole(inner, path, &spec, values).await?;
        Ok(total)
    }
}

/// Appending writes the array anew, without fill value and attributes.
struct AppendRewrites;

#[async_trait]
impl Fault for AppendRewrites {
    async fn append_array(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        rows: u64,
        values: Values,
    ) -> Result<u64> {
        let total = arrays(inner).append(path, rows, values).await?;
        let description = arrays(inner).describe(path).await?;
        let buffer = Values::zeros(description.dtype, description.shape.element_count())?;
        let all = arrays(inner).read(path, &Region::whole(&description.shape), buffer).await?;
        let spec = ArraySpec { shape: description.shape, dtype: description.dtype };
        write_whole(inner, path, &spec, all).await?;
        Ok(total)
    }
}

/// Appending creates what is missing.
struct AppendCreates;

#[async_trait]
impl Fault for AppendCreates {
    async fn append_array(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        rows: u64,
        values: Values,
    ) -> Result<u64> {
        match arrays(inner).append(path, rows, values.clone()).await {
            Err(error) if error.is_not_found() => {
                let spec = ArraySpec { shape: Shape::new([rows])?, dtype: values.dtype() };
                write_whole(inner, path, &spec, values).await.map(|()| rows)
            }
            other => other,
        }
    }
}

/// A refused append has changed the array already.
struct RefusedAppendsGrow;

#[async_trait]
impl Fault for RefusedAppendsGrow {
    async fn append_array(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        rows: u64,
        values: Values,
    ) -> Result<u64> {
        let answer = arrays(inner).append(path, rows, values).await;
        if answer.as_ref().is_err_and(|error| error.kind() == ErrorKind::Mismatch) {
            let description = arrays(inner).describe(path).await?;
            if description.shape.rank() > 0 {
                let row = Values::zeros(description.dtype, description.shape.trailing().iter().product())?;
                arrays(inner).append(path, 1, row).await?;
            }
        }
        answer
    }
}

/// After one refused append the handle refuses all.
#[derive(Default)]
struct RefusedAppendsPoison(Mutex<HashSet<EntryPath>>);

#[async_trait]
impl Fault for RefusedAppendsPoison {
    async fn append_array(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        rows: u64,
        values: Values,
    ) -> Result<u64> {
        if self.0.lock().unwrap().contains(path) {
            return Err(Error::new(ErrorKind::Busy, "an earlier append failed"));
        }
        let answer = arrays(inner).append(path, rows, values).await;
        if answer.is_err() {
            self.0.lock().unwrap().insert(path.clone());
        }
        answer
    }
}

/// The handle goes on from the length it remembers.
#[derive(Default)]
struct RemembersLengths(Mutex<HashMap<EntryPath, u64>>);

#[async_trait]
impl Fault for RemembersLengths {
    async fn append_array(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        rows: u64,
        values: Values,
    ) -> Result<u64> {
        let length = arrays(inner).append(path, rows, values).await?;
        let mut lengths = self.0.lock().unwrap();
        let remembered = lengths.get(path).map_or(length, |length| length + rows);
        lengths.insert(path.clone(), remembered);
        Ok(remembered)
    }
}

/// An array that grew since it was described cannot be read.
#[derive(Default)]
struct GrownArraysConflict(Mutex<HashMap<EntryPath, Shape>>);

#[async_trait]
impl Fault for GrownArraysConflict {
    async fn describe_array(&self, inner: Inner<'_>, path: &EntryPath) -> Result<ArrayDescription> {
        let description = arrays(inner).describe(path).await?;
        self.0.lock().unwrap().insert(path.clone(), description.shape.clone());
        Ok(description)
    }
    async fn read_array(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        region: &Region,
        buffer: Values,
    ) -> Result<Values> {
        let known = self.0.lock().unwrap().get(path).cloned();
        let now = arrays(inner).describe(path).await.ok().map(|description| description.shape);
        if known.is_some() && now.is_some() && known != now {
            return Err(Error::new(ErrorKind::Conflict, "the array has grown"));
        }
        arrays(inner).read(path, region, buffer).await
    }
}

/// Writes in place only what was there from the beginning.
#[derive(Default)]
struct AppendedRowsAreSealed(Mutex<HashMap<EntryPath, u64>>);

#[async_trait]
impl Fault for AppendedRowsAreSealed {
    async fn append_array(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        rows: u64,
        values: Values,
    ) -> Result<u64> {
        let length = arrays(inner).append(path, rows, values).await?;
        self.0.lock().unwrap().entry(path.clone()).or_insert(length - rows);
        Ok(length)
    }
    async fn write_array(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        region: &Region,
        values: Values,
    ) -> Result<()> {
        let sealed = self.0.lock().unwrap().get(path).copied();
        let end = region.axes().first().and_then(AxisRegion::end);
        if sealed.is_some_and(|sealed| end.is_some_and(|end| end > sealed)) {
            return Err(Error::new(ErrorKind::Conflict, "the rows are sealed"));
        }
        arrays(inner).write(path, region, values).await
    }
}

pub(crate) fn cases() -> Vec<Case> {
    let appended = |name, rows: fn(u64, Values) -> (u64, Values), answer: fn(u64, u64) -> u64, caught_by| {
        Case::new(name, move || Appended { rows, answer }, caught_by)
    };
    vec![
        Case::new(
            "appends_that_do_not_fit_pretend",
            || QuietAppends(ErrorKind::Mismatch),
            &[
                "append::another_dtype_is_refused",
                "append::another_trailing_shape_is_refused",
                "append::a_scalar_is_refused",
                "error::an_array_survives_refusals",
            ],
        ),
        Case::new(
            "appends_to_other_kinds_pretend",
            || QuietAppends(ErrorKind::WrongKind),
            &["append::other_kinds_are_refused"],
        ),
        Case::new(
            "appending_to_an_array_replaces_it",
            || AppendReplaces,
            &[
                "append::extends_along_the_first_axis",
                "append::rows_have_the_trailing_shape",
                "append::many_appends_arrive_in_order",
                "append::appends_cross_chunks",
            ],
        )
        .among_others(),
        Case::new(
            "appending_to_an_array_rewrites_it",
            || AppendRewrites,
            &["append::the_description_is_kept", "attributes::appending_to_an_array_keeps_them"],
        ),
        Case::new("appending_creates_an_array", || AppendCreates, &["append::a_missing_array_is_not_found"]),
        appended(
            "appending_drops_the_last_row",
            |rows, values| {
                let kept = values.len().checked_div(rows as usize).map_or(0, |row| values.len() - row);
                (rows.saturating_sub(1), values.slice(0..kept).unwrap())
            },
            |_, length| length,
            &[
                "append::extends_along_the_first_axis",
                "append::rows_have_the_trailing_shape",
                "append::many_appends_arrive_in_order",
                "append::appends_cross_chunks",
                "append::every_dtype_is_appended",
                "random::arrays_follow_the_model",
            ],
        )
        .among_others(),
        appended(
            "appending_tells_what_was_added",
            |rows, values| (rows, values),
            |rows, _| rows,
            &[
                "append::extends_along_the_first_axis",
                "append::rows_have_the_trailing_shape",
                "append::zero_rows_change_nothing",
                "append::rows_without_elements_are_counted",
                "append::many_appends_arrive_in_order",
                "append::an_overwritten_array_grows_from_its_new_length",
                "rename::a_moved_array_grows",
                "reopen::appended_rows_stay",
            ],
        ),
        appended(
            "appending_nothing_tells_of_one_row",
            |rows, values| (rows, values),
            |rows, length| if rows == 0 { length + 1 } else { length },
            &["append::zero_rows_change_nothing"],
        ),
        appended(
            "rows_without_elements_are_not_counted",
            |rows, values| (if values.is_empty() { 0 } else { rows }, values),
            |_, length| length,
            &["append::rows_without_elements_are_counted", "append::another_trailing_shape_is_refused"],
        ),
        Case::new(
            "refused_appends_grow_the_array",
            || RefusedAppendsGrow,
            &[
                "append::another_dtype_is_refused",
                "append::another_trailing_shape_is_refused",
                "error::an_array_survives_refusals",
            ],
        ),
        Case::new(
            "refused_appends_poison_the_array",
            RefusedAppendsPoison::default,
            &[
                "append::another_dtype_is_refused",
                "append::another_trailing_shape_is_refused",
                "error::an_array_survives_refusals",
            ],
        ),
        Case::new(
            "lengths_are_remembered",
            RemembersLengths::default,
            &["append::an_overwritten_array_grows_from_its_new_length"],
        ),
        Case::new(
            "grown_arrays_cannot_be_read",
            GrownArraysConflict::default,
            &["append::rows_known_before_can_still_be_read"],
        ),
        Case::new(
            "appended_rows_are_sealed",
            AppendedRowsAreSealed::default,
            &["append::appended_rows_are_written_in_place"],
        ),
    ]
}
