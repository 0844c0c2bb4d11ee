//! What is not declared is refused, and what makes no sense is; nothing is changed by either.

use super::prelude::*;
use arrow_array::{Int64Array, RecordBatch};
use arrow_schema::{Field, Schema};
use fascicle_backend::{
    RecordKey,
    wrap::{ReadOnly, observed},
};

behaviours! { "refusal"
    /// A backend has an array store and a table store exactly when it declares arrays and tables.
    stores_are_what_is_declared [];
    /// What builds on a capability is declared only together with it.
    declared_capabilities_fit_together [];
    /// Without arrays, every call about one is refused as unsupported, and nothing appears.
    arrays_are_refused_when_not_declared [Write, !Arrays];
    /// Without appending to arrays, it is refused as unsupported, and the array stays as it is.
    array_append_is_refused_when_not_declared [Write, Arrays, !ArrayAppend];
    /// Without writing regions in place, it is refused as unsupported, and the array stays as it is.
    array_region_write_is_refused_when_not_declared [Write, Arrays, !ArrayRegionWrite];
    /// Without tables, every call about one is refused as unsupported, and nothing appears.
    tables_are_refused_when_not_declared [Write, !Tables];
    /// Without appending to tables, it is refused as unsupported, and the table stays as it is.
    table_append_is_refused_when_not_declared [Write, Tables, !TableAppend];
    /// Without new columns of tables, they are refused as unsupported, and the table stays as it is.
    table_new_columns_are_refused_when_not_declared [Write, Tables, !TableNewColumns];
    /// Without merging the parts of tables, it is refused as unsupported, and the table stays as it is.
    table_compact_is_refused_when_not_declared [Write, Tables, !TableCompact];
    /// Without appending to files, it is refused as unsupported, and the file stays as it is.
    file_append_is_refused_when_not_declared [Write, !FileAppend];
    /// Without attributes, reading and writing them is refused as unsupported, at creation too, and nothing appears.
    attributes_are_refused_when_not_declared [Write, !Attributes];
    /// Without renaming, it is refused as unsupported, and the entry stays where it is.
    rename_is_refused_when_not_declared [Write, !Rename];
    /// Without copying, it is refused as unsupported, and no copy appears.
    copy_is_refused_when_not_declared [Write, !Copy];
    /// A place that does not declare maintenance offers no way to it.
    maintenance_is_refused_when_not_declared [!Maintenance];
    /// Without writing, every write is refused as unsupported, and reading works.
    writes_are_refused_when_not_declared [!Write];
    /// A place that is not durable, opened again, holds what was written or is empty, and works either way.
    a_place_that_is_not_durable_opens_again [Write, !Durable];
    /// A place that is opened for reading refuses every write and shows what is there.
    a_place_opened_for_reading_refuses_every_write [Write];
    /// Text with a NUL character is refused as an element, and nothing is created or changed.
    text_with_nul_is_refused [Write, Arrays];
    /// A fill value of another dtype, or of several elements, is refused and nothing is created.
    a_fill_value_that_does_not_fit_is_refused [Write, Arrays];
    /// Elements that do not fit their region, or the declared array, are refused, and the writer goes on.
    elements_that_do_not_fit_are_refused [Write, Arrays];
    /// A table without columns, or with two columns of one name, is refused and nothing is created.
    a_table_without_proper_columns_is_refused [Write, Tables];
    /// A projection that names a column twice, and batches without rows, are refused.
    a_scan_that_makes_no_sense_is_refused [Write, Tables];
    /// An attribute without a name, or with control characters in it, is refused and nothing is changed.
    attributes_without_proper_names_are_refused [Write, Attributes];
}

async fn stores_are_what_is_declared(subject: Subject) -> Checked {
    let bare = subject.open_bare().await?;
    let declared = bare.capabilities();
    ensure_eq!(bare.arrays().is_some(), declared.has(Capability::Arrays), "whether there is an array store");
    ensure_eq!(bare.tables().is_some(), declared.has(Capability::Tables), "whether there is a table store");
    Ok(())
}

async fn maintenance_is_refused_when_not_declared(subject: Subject) -> Checked {
    ensure!(subject.open_bare().await?.maintenance().is_none(), "there is maintenance");
    Ok(())
}

async fn declared_capabilities_fit_together(subject: Subject) -> Checked {
    let declared = subject.open_bare().await?.capabilities();
    for (built, on) in [
        (Capability::ArrayAppend, Capability::Arrays),
        (Capability::ArrayRegionWrite, Capability::Arrays),
        (Capability::TableAppend, Capability::Tables),
        (Capability::ArrayAppend, Capability::Write),
        (Capability::ArrayRegionWrite, Capability::Write),
        (Capability::TableAppend, Capability::Write),
        (Capability::FileAppend, Capability::Write),
        (Capability::Rename, Capability::Write),
        (Capability::Copy, Capability::Write),
    ] {
        ensure!(!declared.has(built) || declared.has(on), "'{built}' is declared without '{on}'");
    }
    Ok(())
}

fn unsupported<T>(answer: Result<T>) -> Checked {
    refused(answer, ErrorKind::Unsupported).map(|_error| ())
}

async fn arrays_are_refused_when_not_declared(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_file("f", "content").await?;
    let before = place.everything().await?;
    for path in ["x", "f"] {
        unsupported(place.put_array(path, &[1], samples::counting(0, 1)).await)?;
        unsupported(place.array(path).await)?;
        unsupported(place.append_rows(path, 1, samples::counting(0, 1)).await)?;
        unsupported(
            place.write_region(path, &Region::rows(&shape(&[1])?, 0, 1), samples::counting(0, 1)).await,
        )?;
    }
    ensure_eq!(place.everything().await?, before, "what the place holds");
    Ok(())
}

async fn array_append_is_refused_when_not_declared(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_array("x", &[2], samples::counting(0, 2)).await?;
    let before = place.everything().await?;
    unsupported(place.append_rows("x", 1, samples::counting(2, 1)).await)?;
    ensure_eq!(place.everything().await?, before, "what the place holds");
    Ok(())
}

async fn array_region_write_is_refused_when_not_declared(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_array("x", &[2], samples::counting(0, 2)).await?;
    let before = place.everything().await?;
    unsupported(place.write_region("x", &Region::rows(&shape(&[2])?, 0, 1), samples::counting(9, 1)).await)?;
    ensure_eq!(place.everything().await?, before, "what the place holds");
    Ok(())
}

async fn tables_are_refused_when_not_declared(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_file("f", "content").await?;
    let (before, rows) = (place.everything().await?, samples::people(0, 1)?);
    for path in ["t", "f"] {
        unsupported(place.put_table(path, &rows).await)?;
        unsupported(place.table(path).await)?;
        unsupported(place.append_table(path, &rows).await)?;
        unsupported(place.table_store()?.describe(&at(path)?).await)?;
    }
    ensure_eq!(place.everything().await?, before, "what the place holds");
    Ok(())
}

async fn table_append_is_refused_when_not_declared(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_table("t", &samples::people(0, 1)?).await?;
    let before = place.everything().await?;
    unsupported(place.append_table("t", &samples::people(1, 1)?).await)?;
    ensure_eq!(place.everything().await?, before, "what the place holds");
    Ok(())
}

async fn table_new_columns_are_refused_when_not_declared(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_table("t", &samples::people(0, 1)?).await?;
    let before = place.everything().await?;
    let options = fascicle_backend::AppendOptions::default().with_new_columns();
    let schema = samples::people(0, 0)?.schema();
    unsupported(place.table_store()?.append_with(&at("t")?, schema, &options).await.map(drop))?;
    ensure_eq!(place.everything().await?, before, "what the place holds");
    Ok(())
}

async fn table_compact_is_refused_when_not_declared(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_table("t", &samples::people(0, 1)?).await?;
    let before = place.everything().await?;
    let options = fascicle_backend::CompactOptions::default();
    unsupported(place.table_store()?.compact(&at("t")?, &options).await)?;
    ensure_eq!(place.everything().await?, before, "what the place holds");
    Ok(())
}

async fn file_append_is_refused_when_not_declared(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_file("x", "content").await?;
    unsupported(place.append_file("x", "more").await)?;
    ensure_eq!(place.file("x").await?, "content".as_bytes(), "the file");
    Ok(())
}

async fn attributes_are_refused_when_not_declared(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_file("x", "content").await?;
    let before = place.everything().await?;
    let given: Attributes = [("a".to_owned(), 1.into())].into_iter().collect();
    unsupported(place.attributes("x").await)?;
    unsupported(place.put_attributes("x", &given).await)?;
    let options = FileOptions { attributes: given };
    unsupported(place.files().create(&at("y")?, &options, WriteMode::Create).await.map(|_writer| ()))?;
    ensure_eq!(place.everything().await?, before, "what the place holds");
    Ok(())
}

async fn rename_is_refused_when_not_declared(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_file("x", "content").await?;
    unsupported(place.rename(&at("x")?, &at("y")?).await)?;
    ensure_eq!(place.names("").await?, ["x"], "the listing");
    Ok(())
}

async fn copy_is_refused_when_not_declared(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_file("x", "content").await?;
    unsupported(place.copy(&at("x")?, &at("y")?).await)?;
    ensure_eq!(place.names("").await?, ["x"], "the listing");
    Ok(())
}

/// Expects every kind of write to be refused.
async fn no_write_works(place: &Place) -> Checked {
    let key = RecordKey::parse("v1/x")?;
    let body = Bytes::from_static(b"x");
    unsupported(place.make_dir("new").await)?;
    unsupported(place.put_file("new", "content").await)?;
    unsupported(place.remove(&at("x")?).await)?;
    unsupported(place.rename(&at("x")?, &at("new")?).await)?;
    unsupported(place.copy(&at("x")?, &at("new")?).await)?;
    unsupported(place.append_file("x", "more").await)?;
    unsupported(place.write_meta(&EntryPath::root(), body.clone(), MetaWriteMode::Overwrite).await)?;
    unsupported(place.put_attributes("x", &Attributes::new()).await)?;
    unsupported(place.put_array("new", &[1], samples::counting(0, 1)).await)?;
    unsupported(place.put_table("new", &samples::people(0, 1)?).await)?;
    unsupported(place.records().create(&key, body.clone()).await)?;
    unsupported(place.records().overwrite(&key, body).await)?;
    unsupported(place.records().remove(&key).await)
}

async fn writes_are_refused_when_not_declared(subject: Subject) -> Checked {
    let place = subject.open().await?;
    let before = place.everything().await?;
    no_write_works(&place).await?;
    ensure_eq!(place.everything().await?, before, "what the place holds");
    Ok(())
}

async fn a_place_that_is_not_durable_opens_again(subject: Subject) -> Checked {
    let first = subject.open().await?;
    let empty = first.everything().await?;
    first.make_dir("d").await?;
    first.put_file("d/x", "content").await?;
    let written = first.everything().await?;
    drop(first);
    let second = subject.open().await?;
    let found = second.everything().await?;
    ensure!(found == empty || found == written, "the place holds {found:?}");
    second.put_file("y", "content").await?;
    ensure_eq!(second.file("y").await?, "content".as_bytes(), "a file written afterwards");
    Ok(())
}

async fn a_place_opened_for_reading_refuses_every_write(subject: Subject) -> Checked {
    let bare = subject.open_bare().await?;
    let (writer, reader) =
        (Place::over(bare.clone()), Place::over(Arc::new(observed(bare, Arc::new(ReadOnly)))));
    writer.make_dir("d").await?;
    writer.put_file("x", "content").await?;
    let before = writer.everything().await?;
    no_write_works(&reader).await?;
    ensure!(!reader.capabilities().has(Capability::Write), "the place still declares that it can be written");
    ensure_eq!(reader.file("x").await?, "content".as_bytes(), "the file");
    ensure_eq!(reader.names("").await?, ["d", "x"], "the listing");
    ensure_eq!(writer.everything().await?, before, "what the place holds");
    Ok(())
}

async fn text_with_nul_is_refused(subject: Subject) -> Checked {
    let place = subject.open().await?;
    let texts = || Values::Text(vec!["fine".to_owned(), "not\0fine".to_owned()]);
    refused(place.put_array("x", &[2], texts()).await, ErrorKind::InvalidInput)?;
    ensure_eq!(place.names("").await?, Vec::<String>::new(), "the listing");
    if place.capabilities().has(Capability::ArrayAppend) {
        place.put_array("x", &[1], Values::Text(vec!["old".to_owned()])).await?;
        refused(place.append_rows("x", 2, texts()).await, ErrorKind::InvalidInput)?;
        ensure_eq!(place.array("x").await?.1, Bits(Values::Text(vec!["old".to_owned()])), "the elements");
    }
    Ok(())
}

async fn a_fill_value_that_does_not_fit_is_refused(subject: Subject) -> Checked {
    let place = subject.open().await?;
    let spec = spec(&[3], DType::Int64)?;
    for fill in [Values::Float64(vec![0.0]), Values::Int64(vec![]), Values::Int64(vec![1, 2])] {
        let options = ArrayOptions::default().with_fill(fill);
        refused(place.put_unwritten("x", &spec, &options).await, ErrorKind::Mismatch)?;
    }
    ensure_eq!(place.names("").await?, Vec::<String>::new(), "the listing");
    Ok(())
}

async fn elements_that_do_not_fit_are_refused(subject: Subject) -> Checked {
    let place = subject.open().await?;
    let spec = spec(&[4], DType::Int64)?;
    let options = ArrayOptions::default();
    let mut writer = place.array_store()?.create(&at("x")?, &spec, &options, WriteMode::Create).await?;
    let whole = Region::whole(&spec.shape);
    refused(writer.write(&whole, samples::counting(0, 3)).await, ErrorKind::Mismatch)?;
    refused(writer.write(&whole, samples::numbered(DType::Float64, 0, 4)).await, ErrorKind::Mismatch)?;
    let beyond = Region::rows(&spec.shape, 3, 2);
    refused(writer.write(&beyond, samples::counting(0, 2)).await, ErrorKind::OutOfBounds)?;
    writer.write(&whole, samples::counting(5, 4)).await?;
    writer.finish().await?;
    ensure_eq!(place.array("x").await?.1, Bits(samples::counting(5, 4)), "the elements");
    Ok(())
}

async fn a_table_without_proper_columns_is_refused(subject: Subject) -> Checked {
    let place = subject.open().await?;
    let id = || Field::new("id", arrow_schema::DataType::Int64, true);
    let none = RecordBatch::new_empty(Arc::new(Schema::empty()));
    refused(place.put_table("t", &none).await, ErrorKind::InvalidInput)?;
    let column = Arc::new(Int64Array::from(vec![1]));
    let twice = RecordBatch::try_new(Arc::new(Schema::new(vec![id(), id()])), vec![column.clone(), column])?;
    refused(place.put_table("t", &twice).await, ErrorKind::InvalidInput)?;
    ensure_eq!(place.names("").await?, Vec::<String>::new(), "the listing");
    Ok(())
}

async fn a_scan_that_makes_no_sense_is_refused(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_table("t", &samples::people(0, 3)?).await?;
    for options in
        [ScanOptions::default().with_projection(["id", "id"]), ScanOptions::default().with_batch_rows(0)]
    {
        refused(place.scan("t", &options).await, ErrorKind::InvalidInput)?;
    }
    Ok(())
}

async fn attributes_without_proper_names_are_refused(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_file("x", "content").await?;
    let before = place.everything().await?;
    let long = "n".repeat(201);
    for name in ["", "a\nb", "a\0", long.as_str()] {
        let given: Attributes = [(name.to_owned(), 1.into())].into_iter().collect();
        refused(place.put_attributes("x", &given).await, ErrorKind::InvalidInput)?;
    }
    ensure_eq!(place.everything().await?, before, "what the place holds");
    Ok(())
}
