//! Whether rows fit a table: the comparison of schemas.

use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions, new_null_array};
use arrow_schema::{DataType, Field, FieldRef, Schema, SchemaRef, UnionFields};
use fascicle_backend::{Error, ErrorKind, Result};
use std::{collections::BTreeMap, fmt::Write, sync::Arc};

/// The most differences that one message lists.
const MAX_LISTED: usize = 10;

/// Refuses columns that differ from a table's in name, type, nullability or order, with [`ErrorKind::Mismatch`] naming
/// every difference.
///
/// Metadata is not compared, and neither are the names that formats give to the parts of lists and maps (`item` or
/// `element`); the names of a struct's fields are.
pub fn check_same_columns(stored: &Schema, given: &Schema) -> Result<()> {
    let differences = differences(stored, given);
    if differences.is_empty() {
        return Ok(());
    }
    let mut message = "the columns differ from the table's: ".to_owned();
    message.push_str(&differences.iter().take(MAX_LISTED).cloned().collect::<Vec<_>>().join("; "));
    if differences.len() > MAX_LISTED {
        let _ = write!(message, "; and {} more differences", differences.len() - MAX_LISTED);
    }
    Err(Error::new(ErrorKind::Mismatch, message).hint("nothing was changed; cast the columns to the table's"))
}

/// Refuses, with [`ErrorKind::Mismatch`] naming every difference, columns of `narrow` that are not also columns of `wide`, of
/// the same type and nullability and in the same order, and further columns of `wide` that are not nullable. What
/// [`check_same_columns`] does not compare is not compared here.
pub fn check_extends(wide: &Schema, narrow: &Schema) -> Result<()> {
    if std::ptr::eq(wide, narrow) {
        return Ok(());
    }
    let is_shared = |field: &&FieldRef| !field.is_nullable() || narrow.field_with_name(field.name()).is_ok();
    let shared: Vec<FieldRef> = wide.fields().iter().filter(is_shared).cloned().collect();
    check_same_columns(&Schema::new(shared), narrow)
}

/// The columns of a table when rows of `given` are added that may have new columns, and lack others: the stored ones, and then the new
/// ones in their order. Fails with [`ErrorKind::Mismatch`], naming every difference, unless the columns that both have are the same and
/// in the same order, and those that one of them lacks are nullable.
pub fn with_new_columns(stored: &SchemaRef, given: &SchemaRef) -> Result<SchemaRef> {
    if Arc::ptr_eq(stored, given) || stored.fields() == given.fields() {
        return Ok(Arc::clone(stored));
    }
    let is_new = |field: &&FieldRef| stored.field_with_name(field.name()).is_err();
    if let Some(field) = given.fields().iter().filter(is_new).find(|field| !field.is_nullable()) {
        return Err(Error::new(
            ErrorKind::Mismatch,
            format!(
                "the new column '{}' is not nullable, but rows that are there already have no value",
                field.name()
            ),
        )
        .hint("declare the column nullable"));
    }
    let known: Vec<FieldRef> = given.fields().iter().filter(|field| !is_new(field)).cloned().collect();
    check_extends(stored, &Schema::new(known))?;
    let new = given.fields().iter().filter(is_new);
    let fields: Vec<FieldRef> = stored.fields().iter().chain(new).cloned().collect();
    Ok(Arc::new(Schema::new_with_metadata(fields, stored.metadata().clone())))
}

/// The same rows with all columns of `schema`, null in those that the batch does not have; [`ErrorKind::Mismatch`] unless it has no
/// others, see [`check_extends`].
pub fn fit_to(batch: RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    if batch.num_columns() == schema.fields().len() {
        return align_batch(batch, schema);
    }
    check_extends(schema, batch.schema_ref())?;
    let rows = batch.num_rows();
    let (fields, columns): (Vec<FieldRef>, Vec<ArrayRef>) = schema
        .fields()
        .iter()
        .map(|field| match batch.schema_ref().column_with_name(field.name()) {
            Some((position, own)) => (Arc::new(own.clone()), Arc::clone(batch.column(position))),
            None => (Arc::clone(field), new_null_array(field.data_type(), rows)),
        })
        .unzip();
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    let filled = RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options);
    let filled = filled.map_err(|error| {
        Error::new(ErrorKind::Internal, "the columns cannot be filled with nulls").caused_by(error)
    })?;
    align_batch(filled, schema)
}

fn differences(stored: &Schema, given: &Schema) -> Vec<String> {
    let by_name = |schema: &Schema| -> BTreeMap<String, FieldRef> {
        schema.fields().iter().map(|field| (field.name().clone(), Arc::clone(field))).collect()
    };
    let (stored_columns, given_columns) = (by_name(stored), by_name(given));
    let mut differences = Vec::new();
    for field in stored.fields() {
        let name = field.name();
        let Some(given) = given_columns.get(name) else {
            differences.push(format!("'{name}' ({}) is missing", field.data_type()));
            continue;
        };
        if plain_type(field.data_type()) != plain_type(given.data_type()) {
            differences.push(format!("'{name}' is {} and not {}", given.data_type(), field.data_type()));
        }
        if field.is_nullable() != given.is_nullable() {
            let text = |nullable| if nullable { "nullable" } else { "not nullable" };
            differences.push(format!(
                "'{name}' is declared {} and not {}",
                text(given.is_nullable()),
                text(field.is_nullable())
            ));
        }
    }
    for field in given.fields() {
        if !stored_columns.contains_key(field.name()) {
            differences.push(format!("'{}' ({}) is not in the table", field.name(), field.data_type()));
        }
    }
    let names = |schema: &Schema| -> Vec<String> {
        schema.fields().iter().map(|field| field.name().clone()).collect()
    };
    if differences.is_empty() && names(stored) != names(given) {
        differences.push(format!(
            "the order is [{}] and not [{}]",
            names(given).join(", "),
            names(stored).join(", ")
        ));
    }
    differences
}

/// The type without what [`check_same_columns`] ignores.
fn plain_type(data_type: &DataType) -> DataType {
    let plain = |name: &str, field: &FieldRef| -> FieldRef {
        Arc::new(Field::new(name, plain_type(field.data_type()), field.is_nullable()))
    };
    let named = |field: &FieldRef| plain(field.name(), field);
    match data_type {
        DataType::List(item) => DataType::List(plain("item", item)),
        DataType::LargeList(item) => DataType::LargeList(plain("item", item)),
        DataType::ListView(item) => DataType::ListView(plain("item", item)),
        DataType::LargeListView(item) => DataType::LargeListView(plain("item", item)),
        DataType::FixedSizeList(item, length) => DataType::FixedSizeList(plain("item", item), *length),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(named).collect()),
        DataType::Map(entries, sorted) => DataType::Map(plain_entries(entries), *sorted),
        DataType::Dictionary(key, value) => DataType::Dictionary(key.clone(), Box::new(plain_type(value))),
        DataType::RunEndEncoded(run_ends, values) => {
            DataType::RunEndEncoded(plain("run_ends", run_ends), plain("values", values))
        }
        DataType::Union(fields, mode) => {
            let fields: UnionFields = fields.iter().map(|(id, field)| (id, named(field))).collect();
            DataType::Union(fields, *mode)
        }
        other => other.clone(),
    }
}

/// The entries of a map with the names of the Arrow specification.
fn plain_entries(entries: &FieldRef) -> FieldRef {
    let data_type = match entries.data_type() {
        DataType::Struct(fields) => {
            let names = ["key", "value"].into_iter().zip(fields);
            DataType::Struct(
                names
                    .map(|(name, field)| Field::new(name, plain_type(field.data_type()), field.is_nullable()))
                    .collect(),
            )
        }
        other => plain_type(other),
    };
    Arc::new(Field::new("entries", data_type, entries.is_nullable()))
}

/// The same rows under exactly `schema`, metadata and names of parts included. Fails with [`ErrorKind::Mismatch`] when
/// the columns differ in what [`check_same_columns`] compares, or when a column that is not nullable holds a null.
pub fn align_batch(batch: RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    if Arc::ptr_eq(batch.schema_ref(), schema) || batch.schema_ref() == schema {
        return Ok(batch);
    }
    check_same_columns(schema, batch.schema_ref())?;
    let mismatch = |error: arrow_schema::ArrowError| {
        Error::new(ErrorKind::Mismatch, "the rows do not fit the table's columns").caused_by(error)
    };
    let columns = batch.columns().iter().zip(schema.fields()).map(|(column, field)| {
        if column.data_type() == field.data_type() {
            return Ok(Arc::clone(column));
        }
        arrow_cast::cast(column, field.data_type()).map_err(mismatch)
    });
    let columns = columns.collect::<Result<Vec<_>>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options).map_err(mismatch)
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::{Int64Array, ListArray, types::Int64Type};

    fn schema(fields: &[(&str, DataType, bool)]) -> Schema {
        Schema::new(
            fields
                .iter()
                .map(|(name, kind, null)| Field::new(*name, kind.clone(), *null))
                .collect::<Vec<_>>(),
        )
    }

    #[test]
    fn every_difference_is_named() {
        let stored = schema(&[
            ("a", DataType::Int64, true),
            ("b", DataType::Utf8, true),
            ("c", DataType::Float32, false),
        ]);
        let given = schema(&[
            ("a", DataType::Int32, true),
            ("c", DataType::Float32, true),
            ("d", DataType::Boolean, true),
        ]);
        let error = check_same_columns(&stored, &given).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Mismatch);
        for part in [
            "'a' is Int32 and not Int64",
            "'b' (Utf8) is missing",
            "'c' is declared nullable and not not nullable",
            "'d' (Boolean) is not in the table",
        ] {
            assert!(error.message().contains(part), "{part:?} in {error}");
        }
        let reordered = schema(&[
            ("b", DataType::Utf8, true),
            ("a", DataType::Int64, true),
            ("c", DataType::Float32, false),
        ]);
        let error = check_same_columns(&stored, &reordered).unwrap_err();
        assert!(error.message().contains("[b, a, c] and not [a, b, c]"), "{error}");
    }

    #[test]
    fn a_wide_difference_stays_readable() {
        let columns: Vec<String> = (0..1000).map(|i| format!("c{i}")).collect();
        let stored = schema(&columns.iter().map(|c| (c.as_str(), DataType::Int8, true)).collect::<Vec<_>>());
        let error = check_same_columns(&stored, &schema(&[])).unwrap_err();
        assert!(error.message().contains("and 990 more differences") && error.message().len() < 1000);
    }

    #[test]
    fn names_of_list_items_and_metadata_are_not_compared_but_aligned() {
        let list = |item: &str| {
            DataType::List(Arc::new(
                Field::new(item, DataType::Int64, true)
                    .with_metadata([(item.to_owned(), "x".to_owned())].into()),
            ))
        };
        let stored = Arc::new(schema(&[("l", list("element"), true), ("i", DataType::Int64, true)]));
        let given = Arc::new(
            schema(&[("l", list("item"), true), ("i", DataType::Int64, true)])
                .with_metadata([("k".to_owned(), "v".to_owned())].into()),
        );
        let lists = ListArray::from_iter_primitive::<Int64Type, _, _>([Some(vec![Some(1), None]), None]);
        let lists = arrow_cast::cast(&lists, &list("item")).unwrap();
        let numbers: ArrayRef = Arc::new(Int64Array::from(vec![1, 2]));
        let batch = RecordBatch::try_new(given, vec![lists, numbers]).unwrap();
        let aligned = align_batch(batch, &stored).unwrap();
        assert_eq!(aligned.schema(), stored);
        assert_eq!(aligned.num_rows(), 2);
        let fields = |name: &str| {
            schema(&[("s", DataType::Struct(vec![Field::new(name, DataType::Int8, true)].into()), true)])
        };
        assert!(check_same_columns(&fields("x"), &fields("y")).is_err());
    }

    #[test]
    fn a_table_may_have_more_nullable_columns_than_a_part() {
        let wide = schema(&[("a", DataType::Int64, false), ("n", DataType::Utf8, true)]);
        let narrow = schema(&[("a", DataType::Int64, false)]);
        check_extends(&wide, &narrow).unwrap();
        let strict = schema(&[("a", DataType::Int64, false), ("n", DataType::Utf8, false)]);
        let error = check_extends(&strict, &narrow).unwrap_err();
        assert!(error.message().contains("'n' (Utf8) is missing"), "{error}");
        assert!(
            check_extends(&narrow, &wide).unwrap_err().message().contains("'n' (Utf8) is not in the table")
        );
        let numbers: ArrayRef = Arc::new(Int64Array::from(vec![1, 2]));
        let batch = RecordBatch::try_new(Arc::new(narrow), vec![numbers]).unwrap();
        let fitted = fit_to(batch, &Arc::new(wide.clone())).unwrap();
        assert_eq!((fitted.schema().as_ref(), fitted.column(1).null_count()), (&wide, 2));
    }

    #[test]
    fn new_columns_come_last_and_must_be_nullable() {
        let stored = Arc::new(schema(&[("a", DataType::Int64, false), ("n", DataType::Utf8, true)]));
        let given = Arc::new(schema(&[("x", DataType::Date32, true), ("a", DataType::Int64, false)]));
        let both = with_new_columns(&stored, &given).unwrap();
        let names: Vec<&str> = both.fields().iter().map(|field| field.name().as_str()).collect();
        assert_eq!(names, ["a", "n", "x"]);
        for (given, reason) in [
            (schema(&[("a", DataType::Int64, false), ("x", DataType::Int8, false)]), "'x' is not nullable"),
            (schema(&[("a", DataType::Int32, false)]), "'a' is Int32 and not Int64"),
            (schema(&[("n", DataType::Utf8, true)]), "'a' (Int64) is missing"),
        ] {
            let error = with_new_columns(&stored, &Arc::new(given)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Mismatch);
            assert!(error.message().contains(reason), "{error}");
        }
    }

    #[test]
    fn nulls_in_a_column_that_is_not_nullable_are_a_mismatch() {
        let nullable = Arc::new(schema(&[("a", DataType::Int64, true)]));
        let column: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), None]));
        let batch = RecordBatch::try_new(nullable, vec![column]).unwrap();
        let strict = Arc::new(schema(&[("a", DataType::Int64, false)]));
        assert_eq!(align_batch(batch, &strict).unwrap_err().kind(), ErrorKind::Mismatch);
    }
}
