//! Which Arrow types a part can hold.

use super::{guard::writing, read::PartFile, write::PartWriter};
use arrow_array::{RecordBatch, new_null_array};
use arrow_schema::{DataType, Field, FieldRef, IntervalUnit, Schema};
use bytes::Bytes;
use fascicle_backend::{Error, ErrorKind, Result, TableOptions};
use std::sync::Arc;

/// Refuses, with [`ErrorKind::Unsupported`] naming column and type, what cannot be written to a part and read back as it
/// was: unions, intervals in months, days and nanoseconds, structs without fields, decimals with a negative scale, and
/// whatever else does not survive a trial in memory.
///
/// Cost: columns of nested and encoded types are tried, the others are known to be fine.
pub fn check_storable(schema: &Schema) -> Result<()> {
    for field in schema.fields() {
        let refuse = |part: &DataType| {
            let within = match part == field.data_type() {
                true => String::new(),
                false => format!(" within {}", field.data_type()),
            };
            Error::new(
                ErrorKind::Unsupported,
                format!("the column '{}' holds {part}{within}, which Parquet cannot keep", field.name()),
            )
            .hint("cast the column to another type first")
        };
        if let Some(part) = refused_part(field.data_type()) {
            return Err(refuse(part));
        }
        if !is_plain(field.data_type()) && !survives(field) {
            return Err(refuse(field.data_type()));
        }
    }
    Ok(())
}

/// The first type within `data_type` that the format is known not to hold.
fn refused_part(data_type: &DataType) -> Option<&DataType> {
    match data_type {
        DataType::Union(_, _) | DataType::Interval(IntervalUnit::MonthDayNano) => Some(data_type),
        DataType::Decimal32(_, scale)
        | DataType::Decimal64(_, scale)
        | DataType::Decimal128(_, scale)
        | DataType::Decimal256(_, scale) => (*scale < 0).then_some(data_type),
        DataType::FixedSizeBinary(width) => (*width <= 0).then_some(data_type),
        DataType::Struct(fields) if fields.is_empty() => Some(data_type),
        DataType::Struct(fields) => fields.iter().find_map(|field| refused_part(field.data_type())),
        DataType::FixedSizeList(_, length) if *length <= 0 => Some(data_type),
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::ListView(item)
        | DataType::LargeListView(item)
        | DataType::FixedSizeList(item, _)
        | DataType::Map(item, _)
        | DataType::RunEndEncoded(_, item) => refused_part(item.data_type()),
        DataType::Dictionary(_, values) => refused_part(values),
        _ => None,
    }
}

/// Whether values have no parts and are stored as they are.
fn is_plain(data_type: &DataType) -> bool {
    !data_type.is_nested()
        && !matches!(
            data_type,
            DataType::Dictionary(_, _) | DataType::RunEndEncoded(_, _) | DataType::Interval(_)
        )
}

/// Whether a column comes back with its type after it was written, with rows of nulls where it may hold them.
fn survives(field: &FieldRef) -> bool {
    let schema = Arc::new(Schema::new(vec![Arc::clone(field)]));
    let trial = || -> Result<bool> {
        let rows = if field.is_nullable() { 2 } else { 0 };
        let column =
            writing(|| Ok::<_, parquet::errors::ParquetError>(new_null_array(field.data_type(), rows)))?;
        let mut writer = PartWriter::new(Vec::new(), &schema, &TableOptions::default())?;
        if let Ok(batch) = RecordBatch::try_new(Arc::clone(&schema), vec![column]) {
            writer.write(&batch)?;
        }
        let part = PartFile::open(Bytes::from(writer.finish(None, None, None)?), "trial")?;
        let same = is_same(part.schema().field(0), field);
        let mut read_rows = 0;
        for batch in part.batches([field.name().as_str()], None, 0, None)? {
            read_rows += batch?.num_rows();
        }
        Ok(same && read_rows == rows)
    };
    trial().unwrap_or(false)
}

fn is_same(read: &Field, written: &Field) -> bool {
    read.data_type() == written.data_type() && read.is_nullable() == written.is_nullable()
}
