//! A model of a place, as simple as can be: for random operations, whose every answer it predicts.

use crate::{
    operation::Operation,
    place::shape,
    samples,
    snapshot::{Bits, Node},
};
use bytes::Bytes;
use fascicle_backend::{Attributes, DType, EntryKind, ErrorKind, MetaWriteMode, Shape, Values, WriteMode};
use std::collections::BTreeMap;

#[derive(Clone, Debug)]
enum Entry {
    Directory {
        meta: String,
    },
    File(Vec<u8>),
    Array {
        shape: Shape,
        dtype: DType,
        values: Vec<Values>,
    },
    /// The first id and the number of rows of each part.
    Table(Vec<(i64, i64)>),
}

impl Entry {
    fn kind(&self) -> EntryKind {
        match self {
            Entry::Directory { .. } => EntryKind::Directory,
            Entry::File(_) => EntryKind::File,
            Entry::Array { .. } => EntryKind::Array,
            Entry::Table(_) => EntryKind::Table,
        }
    }
}

/// Every reason for which an operation is to be refused; a backend may give any of them.
type Reasons = Vec<ErrorKind>;

/// What a directory holds, by path.
#[derive(Clone, Debug)]
pub(crate) struct Model {
    entries: BTreeMap<String, Entry>,
}

impl Model {
    pub(crate) fn new() -> Self {
        Model { entries: BTreeMap::new() }
    }

    /// Does the operation to the model and predicts the answer, or the reasons to refuse it.
    pub(crate) fn apply(&mut self, operation: &Operation) -> std::result::Result<Option<u64>, Reasons> {
        match operation {
            Operation::MakeDirectory { path, meta } => {
                let mut reasons = self.parent_reasons(path);
                if self.entries.contains_key(path) {
                    reasons.push(ErrorKind::AlreadyExists);
                }
                none(reasons)?;
                self.entries.insert(path.clone(), Entry::Directory { meta: meta.clone() });
                Ok(None)
            }
            Operation::WriteMeta { path, meta, mode } => match self.entries.get_mut(path) {
                // Every directory of the model has a meta.
                Some(Entry::Directory { .. }) if *mode == MetaWriteMode::Create => {
                    Err(vec![ErrorKind::AlreadyExists])
                }
                Some(Entry::Directory { meta: old }) => {
                    old.clone_from(meta);
                    Ok(None)
                }
                _ => Err(self.not_a(path)),
            },
            Operation::PutFile { path, salt, length, mode } => {
                self.put(path, Entry::File(samples::bytes(*salt, *length)), *mode)?;
                Ok(None)
            }
            Operation::AppendFile { path, salt, length } => match self.entries.get_mut(path) {
                Some(Entry::File(content)) => {
                    content.extend(samples::bytes(*salt, *length));
                    Ok(Some(content.len() as u64))
                }
                _ => Err(self.not_a(path)),
            },
            Operation::PutArray { path, lengths, dtype, first, mode, .. } => {
                let shape = shape(lengths).map_err(|error| vec![error.kind()])?;
                let values = elements(*dtype, *first, shape.element_count());
                self.put(path, Entry::Array { shape, dtype: *dtype, values }, *mode)?;
                Ok(None)
            }
            Operation::AppendArray { path, rows, width, dtype, first } => match self.entries.get_mut(path) {
                Some(Entry::Array { shape, dtype: stored, values }) => {
                    if dtype != stored || shape.trailing().iter().product::<u64>() * rows != width * rows {
                        return Err(vec![ErrorKind::Mismatch]);
                    }
                    let total = shape.rows().unwrap_or(0) + rows;
                    *shape = shape.with_rows(total).map_err(|error| vec![error.kind()])?;
                    values.extend(elements(*dtype, *first, rows * width));
                    Ok(Some(total))
                }
                _ => Err(self.not_a(path)),
            },
            Operation::WriteRegion { path, start, step, count, width, dtype, first } => {
                match self.entries.get_mut(path) {
                    Some(Entry::Array { shape, dtype: stored, values }) => {
                        if dtype != stored || !operation.region().fits(shape) {
                            return Err(vec![ErrorKind::Conflict]);
                        }
                        let new = elements(*dtype, *first, count * width);
                        let positions = (0..*count).flat_map(|row| {
                            (0..*width).map(move |column| (start + row * step) * width + column)
                        });
                        for (position, element) in positions.zip(new) {
                            if let Some(old) = values.get_mut(position as usize) {
                                *old = element;
                            }
                        }
                        Ok(None)
                    }
                    _ => Err(self.not_a(path)),
                }
            }
            Operation::PutTable { path, first, rows, mode } => {
                self.put(path, Entry::Table(vec![(*first, *rows)]), *mode)?;
                Ok(Some(*rows as u64))
            }
            Operation::AppendTable { path, first, rows } => match self.entries.get_mut(path) {
                Some(Entry::Table(parts)) => {
                    parts.push((*first, *rows));
                    Ok(Some(parts.iter().map(|(_, rows)| *rows as u64).sum()))
                }
                _ => Err(self.not_a(path)),
            },
            Operation::Remove { path } => {
                if !self.entries.contains_key(path) {
                    return Err(self.missing(path));
                }
                self.entries.retain(|other, _| !is_within(other, path));
                Ok(None)
            }
            Operation::Rename { from, to } => {
                let moved = self.relocated(from, to)?;
                self.entries.retain(|path, _| !is_within(path, from));
                self.entries.extend(moved);
                Ok(None)
            }
            Operation::Copy { from, to } => {
                let copied = self.relocated(from, to)?;
                self.entries.extend(copied);
                Ok(None)
            }
        }
    }

    /// What the directory of the case holds now.
    pub(crate) fn node(&self) -> Node {
        self.directory("", "{}\n")
    }

    fn directory(&self, path: &str, meta: &str) -> Node {
        let children = self.entries.iter().filter_map(|(child, entry)| {
            let name = if path.is_empty() { child } else { child.strip_prefix(path)?.strip_prefix('/')? };
            (!name.contains('/')).then(|| (name.to_owned(), self.entry_node(child, entry)))
        });
        Node::Directory {
            meta: Some(Bytes::from(meta.to_owned())),
            attributes: Attributes::new(),
            entries: children.collect(),
        }
    }

    fn entry_node(&self, path: &str, entry: &Entry) -> Node {
        let attributes = Attributes::new();
        match entry {
            Entry::Directory { meta } => self.directory(path, meta),
            Entry::File(content) => Node::File { content: Bytes::from(content.clone()), attributes },
            Entry::Array { shape, dtype, values } => Node::Array {
                shape: shape.clone(),
                dtype: *dtype,
                values: Bits(joined(*dtype, values)),
                attributes,
            },
            Entry::Table(parts) => Node::Table { rows: rows_of(parts), attributes },
        }
    }

    /// Why nothing can be created at `path`, as far as its parent is concerned.
    fn parent_reasons(&self, path: &str) -> Reasons {
        match path.rsplit_once('/').map(|(parent, _)| self.entries.get(parent)) {
            Some(None) => vec![ErrorKind::NotFound],
            Some(Some(parent)) if parent.kind() != EntryKind::Directory => vec![ErrorKind::WrongKind],
            _ => vec![],
        }
    }

    /// How it is said that there is nothing at `path`. Below a leaf it may be called the wrong kind.
    fn missing(&self, path: &str) -> Reasons {
        let mut reasons = vec![ErrorKind::NotFound];
        reasons.extend(self.parent_reasons(path));
        reasons
    }

    /// How it is said that what is at `path` is not of the kind that is needed.
    fn not_a(&self, path: &str) -> Reasons {
        if self.entries.contains_key(path) { vec![ErrorKind::WrongKind] } else { self.missing(path) }
    }

    fn put(&mut self, path: &str, entry: Entry, mode: WriteMode) -> std::result::Result<(), Reasons> {
        let mut reasons = self.parent_reasons(path);
        match (self.entries.get(path), mode) {
            (Some(_), WriteMode::Create) => reasons.push(ErrorKind::AlreadyExists),
            (Some(old), WriteMode::Overwrite) if old.kind() != entry.kind() => {
                reasons.push(ErrorKind::WrongKind)
            }
            _ => {}
        }
        none(reasons)?;
        self.entries.retain(|other, _| !is_within(other, path));
        self.entries.insert(path.to_owned(), entry);
        Ok(())
    }

    /// The entry at `from` with everything in it, under the paths they have below `to`.
    fn relocated(&self, from: &str, to: &str) -> std::result::Result<Vec<(String, Entry)>, Reasons> {
        let mut reasons = self.parent_reasons(to);
        if !self.entries.contains_key(from) {
            reasons.extend(self.missing(from));
        }
        if self.entries.contains_key(to) {
            reasons.push(ErrorKind::AlreadyExists);
        }
        if is_within(to, from) {
            reasons.push(ErrorKind::InvalidInput);
        }
        none(reasons)?;
        let within = self.entries.iter().filter(|(path, _)| is_within(path, from));
        Ok(within
            .map(|(path, entry)| (format!("{to}{}", path.get(from.len()..).unwrap_or("")), entry.clone()))
            .collect())
    }
}

fn none(reasons: Reasons) -> std::result::Result<(), Reasons> {
    if reasons.is_empty() { Ok(()) } else { Err(reasons) }
}

/// Whether `path` is `other` or stands within it.
fn is_within(path: &str, other: &str) -> bool {
    path.strip_prefix(other).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Elements one by one.
fn elements(dtype: DType, first: u64, count: u64) -> Vec<Values> {
    (first..first + count).map(|number| samples::numbered(dtype, number, 1)).collect()
}

/// Elements in one piece again. The model holds elements of one dtype only, so that none can be lost here.
fn joined(dtype: DType, elements: &[Values]) -> Values {
    let mut whole = samples::numbered(dtype, 0, elements.len() as u64);
    for (position, element) in elements.iter().enumerate() {
        if whole.copy_from(position, element, 0..1).is_err() {
            return samples::numbered(dtype, 0, 0);
        }
    }
    whole
}

/// The rows of all parts. Samples of one kind share a schema, so that they can be joined.
fn rows_of(parts: &[(i64, i64)]) -> arrow_array::RecordBatch {
    let batches: Vec<_> =
        parts.iter().filter_map(|(first, rows)| samples::people(*first, *rows).ok()).collect();
    let schema =
        batches.first().map(|batch| batch.schema()).unwrap_or_else(|| arrow_schema::Schema::empty().into());
    arrow_select::concat::concat_batches(&schema, &batches)
        .unwrap_or_else(|_| arrow_array::RecordBatch::new_empty(schema))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_model_keeps_its_own_rules() {
        let mut model = Model::new();
        let put = |path: &str, mode| Operation::PutFile { path: path.into(), salt: 1, length: 3, mode };
        let make = |path: &str| Operation::MakeDirectory { path: path.into(), meta: String::new() };
        assert_eq!(model.apply(&put("a/x", WriteMode::Create)), Err(vec![ErrorKind::NotFound]));
        assert_eq!(model.apply(&make("a")), Ok(None));
        assert_eq!(model.apply(&put("a/x", WriteMode::Create)), Ok(None));
        assert_eq!(model.apply(&put("a/x/y", WriteMode::Create)), Err(vec![ErrorKind::WrongKind]));
        assert_eq!(model.apply(&put("a", WriteMode::Overwrite)), Err(vec![ErrorKind::WrongKind]));
        let rename = Operation::Rename { from: "a".into(), to: "ab".into() };
        assert_eq!(model.apply(&rename), Ok(None));
        assert_eq!(model.entries.keys().collect::<Vec<_>>(), ["ab", "ab/x"]);
        assert_eq!(model.apply(&Operation::Remove { path: "a".into() }), Err(vec![ErrorKind::NotFound]));
        assert_eq!(model.apply(&put("ab", WriteMode::Replace)), Ok(None));
        assert_eq!(model.entries.len(), 1);
    }
}
