//! What a place holds, as a value: for checks that something changed, or that nothing did.

use crate::{Failure, place::Place};
use arrow_array::RecordBatch;
use bytes::Bytes;
use fascicle_backend::{
    Attributes, Capability, DType, EntryKind, EntryPath, Error, ErrorKind, Result, Shape, Values,
};
use futures::{FutureExt, future::BoxFuture};
use std::{collections::BTreeMap, fmt};

/// Elements that are compared bit for bit.
#[derive(Clone)]
pub(crate) struct Bits(pub(crate) Values);

impl PartialEq for Bits {
    fn eq(&self, other: &Self) -> bool {
        self.0.same_bits(&other.0)
    }
}

impl fmt::Debug for Bits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One entry with everything in it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Node {
    Directory { meta: Option<Bytes>, attributes: Attributes, entries: BTreeMap<String, Node> },
    File { content: Bytes, attributes: Attributes },
    Array { shape: Shape, dtype: DType, values: Bits, attributes: Attributes },
    Table { rows: RecordBatch, attributes: Attributes },
}

impl Place {
    /// Everything the place holds, or why it cannot be read.
    pub(crate) async fn everything(&self) -> Result<Node> {
        self.node(EntryPath::root()).await
    }

    /// An entry with everything in it; `None` when there is none.
    pub(crate) async fn entry(&self, path: &str) -> Result<Option<Node>> {
        let path = EntryPath::parse(path)?;
        match self.stat(&path).await {
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
            // What is missing from here on should have been there.
            Ok(_) => self.node(path).await.map(Some),
        }
    }

    fn node(&self, path: EntryPath) -> BoxFuture<'_, Result<Node>> {
        async move {
            let attributes = if self.capabilities().has(Capability::Attributes) && !path.is_root() {
                self.read_attributes(&path).await?
            } else {
                Attributes::new()
            };
            Ok(match self.stat(&path).await?.kind {
                EntryKind::File => Node::File { content: self.file(path.as_str()).await?, attributes },
                EntryKind::Array => {
                    let (shape, values) = self.array(path.as_str()).await?;
                    Node::Array { shape, dtype: values.0.dtype(), values, attributes }
                }
                EntryKind::Table => Node::Table { rows: self.table(path.as_str()).await?, attributes },
                EntryKind::Directory => {
                    let mut entries = BTreeMap::new();
                    for entry in self.list(&path).await?.entries {
                        let node = self.node(path.join(&entry.name)?).await?;
                        if entries.insert(entry.name.clone(), node).is_some() {
                            return Err(Error::new(ErrorKind::Corrupt, "a name is listed twice")
                                .at(path.join(&entry.name)?));
                        }
                    }
                    let meta = self.read_meta(&path).await?.map(|record| record.bytes);
                    Node::Directory { meta, attributes, entries }
                }
            })
        }
        .boxed()
    }
}

/// Expects a call to be refused with `kind`.
pub(crate) fn refused<T>(answer: Result<T>, kind: ErrorKind) -> std::result::Result<Error, Failure> {
    match answer {
        Err(error) if error.kind() == kind => Ok(error),
        Err(error) => {
            Err(Failure::new(format!("refused with '{}' instead of '{kind}': {error:?}", error.kind())))
        }
        Ok(_) => Err(Failure::new(format!("it succeeded where '{kind}' was expected"))),
    }
}
