//! Errors of the engine as errors of the contract, and the way back.

use arrow_schema::ArrowError;
use datafusion::common::{Column, DataFusionError, SchemaError};
use fascicle_core::config::closest_name;
use fascicle_core::{Error, ErrorKind};
use std::any::Any;

/// The operation that errors name.
pub(crate) const OPERATION: &str = "answer the query";

/// The most columns that a message lists.
const LISTED_COLUMNS: usize = 20;

/// An error of ours on its way through the engine.
pub(crate) fn to_engine(error: Error) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

/// An error of the engine; one of ours that went through it comes out as it was.
pub(crate) fn from_engine(error: DataFusionError) -> Error {
    match error {
        DataFusionError::External(cause) => from_other(cause),
        DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => from_engine(*inner),
        DataFusionError::Collection(errors) => match errors.into_iter().next() {
            Some(first) => from_engine(first),
            None => failed(ErrorKind::Internal, "the engine failed and does not say why"),
        },
        DataFusionError::ArrowError(cause, _) => from_arrow(*cause),
        DataFusionError::Shared(shared) => match own_within(&shared) {
            Some(own) => copy_of(own).caused_by(shared),
            None => {
                let (kind, message) = kind_and_message(&shared);
                failed(kind, message).caused_by(shared)
            }
        },
        DataFusionError::SchemaError(cause, _) => unknown_column(*cause),
        DataFusionError::ResourcesExhausted(message) => failed(
            ErrorKind::LimitExceeded,
            format!("the memory or temporary files do not suffice: {message}"),
        )
        .hint("allow more, or let the query hold less at once: fewer columns, a condition, a limit"),
        DataFusionError::IoError(cause) => Error::from(cause).during(OPERATION),
        // The parser's own words; the engine's around them say the same.
        DataFusionError::SQL(cause, _) => {
            failed(ErrorKind::InvalidInput, "it is no query in SQL").caused_by(*cause)
        }
        other => {
            let (kind, message) = kind_and_message(&other);
            failed(kind, message).caused_by(other)
        }
    }
}

fn failed(kind: ErrorKind, message: impl Into<String>) -> Error {
    Error::new(kind, message).during(OPERATION)
}

/// What went through the engine without being understood there.
fn from_other(cause: Box<dyn std::error::Error + Send + Sync>) -> Error {
    match cause.downcast::<Error>() {
        Ok(own) => *own,
        Err(cause) => match cause.downcast::<DataFusionError>() {
            Ok(inner) => from_engine(*inner),
            Err(cause) => failed(ErrorKind::Internal, "the engine failed").caused_by(cause),
        },
    }
}

fn from_arrow(error: ArrowError) -> Error {
    match error {
        ArrowError::ExternalError(cause) => from_other(cause),
        ArrowError::IoError(_, cause) => Error::from(cause).during(OPERATION),
        ArrowError::MemoryError(message) => failed(ErrorKind::LimitExceeded, message),
        // A value that the query asks to convert or compute, such as a division by zero.
        other => failed(ErrorKind::InvalidInput, "the query cannot be computed").caused_by(other),
    }
}

/// The kind of an error of the engine's own, and what it says about it.
fn kind_and_message(error: &DataFusionError) -> (ErrorKind, &'static str) {
    match error {
        DataFusionError::SQL(..) => (ErrorKind::InvalidInput, "it is no query in SQL"),
        DataFusionError::NotImplemented(_) => (ErrorKind::Unsupported, "the engine does not do that"),
        DataFusionError::Plan(_) | DataFusionError::Configuration(_) | DataFusionError::SchemaError(..) => {
            (ErrorKind::InvalidInput, "the query makes no sense here")
        }
        DataFusionError::Execution(_) | DataFusionError::ArrowError(..) => {
            (ErrorKind::InvalidInput, "the query cannot be computed")
        }
        DataFusionError::ResourcesExhausted(_) => {
            (ErrorKind::LimitExceeded, "the memory or temporary files do not suffice")
        }
        DataFusionError::IoError(_) => (ErrorKind::Storage, "temporary files cannot be written or read"),
        _ => (ErrorKind::Internal, "the engine failed"),
    }
}

/// An error of ours within one of the engine's that others hold, too.
fn own_within(error: &DataFusionError) -> Option<&Error> {
    match error {
        DataFusionError::External(cause) => own_in(&**cause),
        DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => own_within(inner),
        DataFusionError::Shared(inner) => own_within(inner),
        DataFusionError::ArrowError(inner, _) => match &**inner {
            ArrowError::ExternalError(cause) => own_in(&**cause),
            _ => None,
        },
        _ => None,
    }
}

fn own_in<'a>(cause: &'a (dyn std::error::Error + Send + Sync + 'static)) -> Option<&'a Error> {
    cause.downcast_ref::<Error>().or_else(|| cause.downcast_ref::<DataFusionError>().and_then(own_within))
}

/// The same error again, without its cause.
fn copy_of(error: &Error) -> Error {
    let mut copy = Error::new(error.kind(), error.message()).retryable(error.is_retryable());
    if let Some(operation) = error.operation() {
        copy = copy.during(operation);
    }
    if let Some(path) = error.path() {
        copy = copy.at(path);
    }
    match error.advice() {
        Some(advice) => copy.hint(advice),
        None => copy,
    }
}

fn unknown_column(error: SchemaError) -> Error {
    let (field, known) = match &error {
        SchemaError::FieldNotFound { field, valid_fields } => (field, valid_fields),
        SchemaError::AmbiguousReference { field } => {
            let message = format!("more than one table has a column '{}'", field.name);
            return failed(ErrorKind::InvalidInput, message).hint(format!("write TABLE.{}", field.name));
        }
        _ => return failed(ErrorKind::InvalidInput, "two columns have one name").caused_by(error),
    };
    // The table is named where the name was given with one, and where more than one has columns.
    let with_table = field.relation.is_some()
        || known.iter().any(|other| Some(&other.relation) != known.first().map(|first| &first.relation));
    let shown = |column: &Column| match &column.relation {
        Some(table) if with_table => format!("{}.{}", table.table(), column.name),
        _ => column.name.clone(),
    };
    let name = match &field.relation {
        Some(table) => format!("{}.{}", table.table(), field.name),
        None => field.name.clone(),
    };
    let names: Vec<String> = known.iter().map(shown).collect();
    let closest = closest_name(&field.name, known.iter().map(|column| column.name.as_str()))
        .and_then(|close| known.iter().position(|column| column.name == close))
        .and_then(|position| names.get(position))
        .map_or_else(String::new, |closest| format!("did you mean '{closest}'? "));
    let listed = names.iter().take(LISTED_COLUMNS).cloned().collect::<Vec<_>>().join(", ");
    let more = match names.len().saturating_sub(LISTED_COLUMNS) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let error = failed(ErrorKind::InvalidInput, format!("there is no column '{name}'"));
    if names.is_empty() { error } else { error.hint(format!("{closest}the columns are {listed}{more}")) }
}

/// What a panic says.
pub(crate) fn text_of_panic(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("the reason is unknown")
}
