//! Errors: a kind to match on, what was attempted, on which path, and why.

use super::prelude::*;

behaviours! { "error"
    /// Every refusal names the operation and the path as the caller gave it.
    operation_and_path_are_named [Write];
    /// Every refusal about an array names the operation and the path as the caller gave it.
    operation_and_path_of_arrays_are_named [Write, Arrays];
    /// Every refusal about a table names the operation and the path as the caller gave it.
    operation_and_path_of_tables_are_named [Write, Tables];
    /// An error prints as one line that says more than its kind.
    an_error_is_one_line [Write];
    /// Calling again cannot help against what is missing or of the wrong kind, and is not suggested.
    hopeless_calls_are_not_retryable [Write];
    /// After a conflict it is worth reading and trying again, and the error says so.
    a_conflict_is_retryable [Write];
    /// A handle works as before after any number of refusals.
    a_handle_survives_refusals [Write];
    /// An array that refused an append takes the next one.
    an_array_survives_refusals [Write, Arrays, ArrayAppend];
}

fn names<T>(answer: Result<T>, kind: ErrorKind, path: &str) -> Checked {
    let error = refused(answer, kind)?;
    ensure_eq!(error.path(), Some(path), "the path in '{error}'");
    ensure!(error.operation().is_some_and(|operation| !operation.is_empty()), "'{error}' names no operation");
    ensure!(error.to_string().contains(path), "'{error}' does not name the path '{path}'");
    Ok(())
}

async fn operation_and_path_are_named(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.make_dir("d").await?;
    place.put_file("d/file", "content").await?;
    let missing = at("d/missing")?;
    names(place.stat(&missing).await, ErrorKind::NotFound, "d/missing")?;
    names(place.list(&missing).await, ErrorKind::NotFound, "d/missing")?;
    names(place.read_meta(&missing).await, ErrorKind::NotFound, "d/missing")?;
    names(place.remove(&missing).await, ErrorKind::NotFound, "d/missing")?;
    names(place.file("d/missing").await, ErrorKind::NotFound, "d/missing")?;
    names(place.list(&at("d/file")?).await, ErrorKind::WrongKind, "d/file")?;
    names(place.file("d").await, ErrorKind::WrongKind, "d")?;
    names(place.make_dir("d").await, ErrorKind::AlreadyExists, "d")?;
    names(place.make_dir("no/x").await, ErrorKind::NotFound, "no/x")?;
    names(place.put_file("no/x", "content").await, ErrorKind::NotFound, "no/x")?;
    names(place.put_file_as("d/file", "", WriteMode::Create).await, ErrorKind::AlreadyExists, "d/file")?;
    names(place.put_file("d", "").await, ErrorKind::WrongKind, "d")
}

async fn operation_and_path_of_arrays_are_named(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_file("file", "content").await?;
    place.put_array("x", &[2], samples::counting(0, 2)).await?;
    let region = Region::rows(&shape(&[9])?, 0, 9);
    let buffer = samples::counting(0, 9);
    names(place.array_store()?.describe(&at("missing")?).await, ErrorKind::NotFound, "missing")?;
    names(place.array_store()?.describe(&at("file")?).await, ErrorKind::WrongKind, "file")?;
    names(place.array_store()?.read(&at("x")?, &region, buffer).await, ErrorKind::Conflict, "x")?;
    names(place.put_array("no/x", &[2], samples::counting(0, 2)).await, ErrorKind::NotFound, "no/x")?;
    names(place.put_array("file", &[2], samples::counting(0, 2)).await, ErrorKind::WrongKind, "file")
}

async fn operation_and_path_of_tables_are_named(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_file("file", "content").await?;
    let rows = samples::people(0, 2)?;
    place.put_table("t", &rows).await?;
    names(place.table_store()?.describe(&at("missing")?).await, ErrorKind::NotFound, "missing")?;
    names(place.table("file").await, ErrorKind::WrongKind, "file")?;
    names(
        place.scan("t", &ScanOptions::default().with_projection(["no"])).await,
        ErrorKind::InvalidInput,
        "t",
    )?;
    names(place.put_table("no/t", &rows).await, ErrorKind::NotFound, "no/t")?;
    names(place.put_table("file", &rows).await, ErrorKind::WrongKind, "file")
}

async fn an_error_is_one_line(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_file("file", "content").await?;
    let errors = [
        refused(place.file("missing").await, ErrorKind::NotFound)?,
        refused(place.list(&at("file")?).await, ErrorKind::WrongKind)?,
        refused(place.put_file_as("file", "", WriteMode::Create).await, ErrorKind::AlreadyExists)?,
        refused(place.make_dir("no/x").await, ErrorKind::NotFound)?,
    ];
    for error in errors {
        let text = error.to_string();
        ensure!(!text.contains('\n'), "{text:?} has several lines");
        ensure!(error.message().contains(' '), "the message {:?} is no sentence", error.message());
    }
    Ok(())
}

async fn hopeless_calls_are_not_retryable(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_file("file", "content").await?;
    let errors = [
        refused(place.file("missing").await, ErrorKind::NotFound)?,
        refused(place.list(&at("file")?).await, ErrorKind::WrongKind)?,
        refused(place.put_file_as("file", "", WriteMode::Create).await, ErrorKind::AlreadyExists)?,
    ];
    for error in errors {
        ensure!(!error.is_retryable(), "'{error}' says that the same call may succeed");
    }
    Ok(())
}

async fn a_conflict_is_retryable(subject: Subject) -> Checked {
    let place = subject.open().await?;
    let old = place.make_dir_with("d", "n: 1\n").await?;
    place.write_meta(&at("d")?, Bytes::from_static(b"n: 2\n"), MetaWriteMode::Overwrite).await?;
    let update = MetaWriteMode::UpdateIf(old);
    let error = refused(
        place.write_meta(&at("d")?, Bytes::from_static(b"n: 3\n"), update).await,
        ErrorKind::Conflict,
    )?;
    ensure!(error.is_retryable(), "'{error}' says that trying again is hopeless");
    Ok(())
}

async fn a_handle_survives_refusals(subject: Subject) -> Checked {
    let place = subject.open().await?;
    for round in 0..10 {
        let name = format!("file {round}");
        refused(place.file(&name).await, ErrorKind::NotFound)?;
        refused(place.put_file(&format!("no/{name}"), "x").await, ErrorKind::NotFound)?;
        place.put_file(&name, name.clone()).await?;
        refused(place.put_file_as(&name, "other", WriteMode::Create).await, ErrorKind::AlreadyExists)?;
        ensure_eq!(place.file(&name).await?, name.as_bytes(), "the file");
    }
    Ok(())
}

async fn an_array_survives_refusals(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_array("x", &[1, 2], samples::counting(0, 2)).await?;
    for round in 1..10 {
        refused(place.append_rows("x", 1, samples::counting(0, 3)).await, ErrorKind::Mismatch)?;
        refused(
            place.append_rows("x", 1, samples::numbered(DType::Float64, 0, 2)).await,
            ErrorKind::Mismatch,
        )?;
        place.append_rows("x", 1, samples::counting(2 * round, 2)).await?;
    }
    ensure_eq!(place.array("x").await?.1, Bits(samples::counting(0, 20)), "the elements");
    Ok(())
}
