//! Goes through two places entry by entry.

use super::difference::{Differing, EntryDifference, plural, schema_text, spec_text};
use super::{CompareOptions, arrays, attributes, files, metas, tables};
use fascicle_backend::{
    ArraySpec, ArrayStore, Backend, Capability, EntryInfo, EntryKind, EntryPath, EntryStat, Error, ErrorKind,
    Result, ResultExt, TableStore,
};
use futures::{future::BoxFuture, try_join};
use std::{cmp::Ordering, iter::Peekable};

/// A comparison under way.
pub(super) struct Comparison<'a> {
    this: &'a dyn Backend,
    other: &'a dyn Backend,
    options: CompareOptions,
    /// Whether the first difference ends it.
    stop_at_first: bool,
    pub(super) found: Vec<EntryDifference>,
}

/// An entry on both sides.
struct Pair {
    this: EntryPath,
    other: EntryPath,
    /// The path of the entry in differences.
    label: String,
}

impl<'a> Comparison<'a> {
    pub(super) fn new(
        this: &'a dyn Backend,
        other: &'a dyn Backend,
        options: CompareOptions,
        stop_at_first: bool,
    ) -> Self {
        Comparison { this, other, options, stop_at_first, found: Vec::new() }
    }

    /// Compares two places, either of which may be missing.
    pub(super) async fn places(&mut self, this: &EntryPath, other: &EntryPath) -> Result<()> {
        let (this_stat, other_stat) = try_join!(stat(self.this, this), stat(self.other, other))?;
        let pair = Pair { this: this.clone(), other: other.clone(), label: String::new() };
        match (this_stat, other_stat) {
            (None, None) => {}
            (Some(stat), None) => {
                let description = describe(self.this, this, stat.kind).await?;
                self.add(&pair.label, Differing::OnlyThis { description });
            }
            (None, Some(stat)) => {
                let description = describe(self.other, other, stat.kind).await?;
                self.add(&pair.label, Differing::OnlyOther { description });
            }
            (Some(this_stat), Some(other_stat)) => {
                self.entries(pair, this_stat.kind, other_stat.kind).await?;
            }
        }
        Ok(())
    }

    fn is_over(&self) -> bool {
        self.stop_at_first && !self.found.is_empty()
    }

    fn add(&mut self, label: &str, differing: Differing) {
        self.found.push(EntryDifference { path: label.to_owned(), differing });
    }

    /// Compares two entries that exist, of the given kinds.
    fn entries(&mut self, pair: Pair, this: EntryKind, other: EntryKind) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            if this != other {
                self.add(&pair.label, Differing::Kind { this, other });
                return Ok(());
            }
            self.compare_attributes(&pair).await?;
            if self.is_over() {
                return Ok(());
            }
            match this {
                EntryKind::Array => self.compare_arrays(&pair).await,
                EntryKind::Table => self.compare_tables(&pair).await,
                EntryKind::File => self.compare_files(&pair).await,
                EntryKind::Directory => {
                    self.compare_metas(&pair).await?;
                    self.compare_children(pair).await
                }
            }
        })
    }

    async fn compare_attributes(&mut self, pair: &Pair) -> Result<()> {
        let kept = |backend: &dyn Backend| backend.capabilities().has(Capability::Attributes);
        let roots = pair.this.is_root() || pair.other.is_root();
        if !self.options.attributes || roots || !kept(self.this) || !kept(self.other) {
            return Ok(());
        }
        let (this, other) =
            try_join!(self.this.read_attributes(&pair.this), self.other.read_attributes(&pair.other))?;
        for differing in attributes::differing(&this, &other) {
            self.add(&pair.label, differing);
        }
        Ok(())
    }

    async fn compare_arrays(&mut self, pair: &Pair) -> Result<()> {
        let (this, other) = (arrays_of(self.this, &pair.this)?, arrays_of(self.other, &pair.other)?);
        let (this_array, other_array) = try_join!(this.describe(&pair.this), other.describe(&pair.other))?;
        let spec_of = |shape: &_, dtype| ArraySpec { shape: Clone::clone(shape), dtype };
        let this_spec = spec_of(&this_array.shape, this_array.dtype);
        let other_spec = spec_of(&other_array.shape, other_array.dtype);
        if this_spec != other_spec {
            self.add(&pair.label, Differing::Spec { this: this_spec, other: other_spec });
        } else if self.options.data {
            let sides = arrays::Sides {
                this,
                this_path: &pair.this,
                other,
                other_path: &pair.other,
                spec: &this_spec,
                chunks: this_array.chunks.as_deref(),
            };
            if let Some(differing) = arrays::differing(sides, self.stop_at_first).await? {
                self.add(&pair.label, differing);
            }
        }
        Ok(())
    }

    async fn compare_tables(&mut self, pair: &Pair) -> Result<()> {
        let (this, other) = (tables_of(self.this, &pair.this)?, tables_of(self.other, &pair.other)?);
        let (this_table, other_table) = try_join!(this.describe(&pair.this), other.describe(&pair.other))?;
        if !tables::same_columns(&this_table.schema, &other_table.schema) {
            let (this, other) = (this_table.schema, other_table.schema);
            self.add(&pair.label, Differing::Schema { this, other });
        } else if this_table.rows != other_table.rows {
            self.add(&pair.label, Differing::RowCount { this: this_table.rows, other: other_table.rows });
        } else if self.options.data {
            let options = fascicle_backend::ScanOptions::default();
            let (this, other) =
                try_join!(this.scan(&pair.this, &options), other.scan(&pair.other, &options))?;
            if let Some(differing) = tables::differing(this, other, self.stop_at_first).await? {
                self.add(&pair.label, differing);
            }
        }
        Ok(())
    }

    async fn compare_files(&mut self, pair: &Pair) -> Result<()> {
        if !self.options.data {
            return Ok(());
        }
        let (this, other) = (self.this.files(), self.other.files());
        let (this, other) = try_join!(this.read(&pair.this, None), other.read(&pair.other, None))?;
        if let Some(differing) = files::differing(this, other, self.stop_at_first).await? {
            self.add(&pair.label, differing);
        }
        Ok(())
    }

    async fn compare_metas(&mut self, pair: &Pair) -> Result<()> {
        let (this, other) = try_join!(self.this.read_meta(&pair.this), self.other.read_meta(&pair.other))?;
        let found = metas::differing(this.as_ref(), other.as_ref(), &self.options)
            .context("compare the meta of", &pair.label)?;
        for difference in found {
            self.add(&pair.label, Differing::Meta(difference));
        }
        Ok(())
    }

    /// Compares the entries of two directories, name by name.
    async fn compare_children(&mut self, pair: Pair) -> Result<()> {
        if self.is_over() {
            return Ok(());
        }
        let (this, other) = try_join!(self.this.list(&pair.this), self.other.list(&pair.other))?;
        refuse_ambiguous(self.this, &pair.this, &this.entries).await?;
        refuse_ambiguous(self.other, &pair.other, &other.entries).await?;
        let mut this = this.entries.into_iter().peekable();
        let mut other = other.entries.into_iter().peekable();
        while let Some((this, other)) = next_pair(&mut this, &mut other) {
            if self.is_over() {
                break;
            }
            let label = |name: &str| match pair.label.as_str() {
                "" => name.to_owned(),
                parent => format!("{parent}/{name}"),
            };
            match (this, other) {
                (Some(this), Some(other)) => {
                    let child = Pair {
                        this: pair.this.join(&this.name)?,
                        other: pair.other.join(&other.name)?,
                        label: label(&this.name),
                    };
                    self.entries(child, this.kind, other.kind).await?;
                }
                (Some(this), None) => {
                    let description = describe(self.this, &pair.this.join(&this.name)?, this.kind).await?;
                    self.add(&label(&this.name), Differing::OnlyThis { description });
                }
                (None, Some(other)) => {
                    let description =
                        describe(self.other, &pair.other.join(&other.name)?, other.kind).await?;
                    self.add(&label(&other.name), Differing::OnlyOther { description });
                }
                (None, None) => break,
            }
        }
        Ok(())
    }
}

/// The next name of two sorted listings, with the entry of that name on either side.
fn next_pair<I: Iterator<Item = EntryInfo>>(
    this: &mut Peekable<I>,
    other: &mut Peekable<I>,
) -> Option<(Option<EntryInfo>, Option<EntryInfo>)> {
    let order = match (this.peek(), other.peek()) {
        (None, None) => return None,
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (Some(this), Some(other)) => this.name.cmp(&other.name),
    };
    Some(match order {
        Ordering::Less => (this.next(), None),
        Ordering::Greater => (None, other.next()),
        Ordering::Equal => (this.next(), other.next()),
    })
}

/// Fails for a name that stands for two stored objects, with the error that says which.
pub(crate) async fn refuse_ambiguous(
    backend: &dyn Backend,
    directory: &EntryPath,
    entries: &[EntryInfo],
) -> Result<()> {
    for (first, second) in entries.iter().zip(entries.iter().skip(1)) {
        if first.name == second.name {
            backend.stat(&directory.join(&first.name)?).await?;
            return Err(Error::new(
                ErrorKind::Corrupt,
                format!("the name stands for both '{}' and '{}'", first.stored_name, second.stored_name),
            ))
            .context("compare", directory.join(&first.name)?);
        }
    }
    Ok(())
}

async fn stat(backend: &dyn Backend, path: &EntryPath) -> Result<Option<EntryStat>> {
    match backend.stat(path).await {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        answer => answer.map(Some),
    }
}

/// What an entry is, in a few words, without reading its data.
async fn describe(backend: &dyn Backend, path: &EntryPath, kind: EntryKind) -> Result<String> {
    Ok(match kind {
        EntryKind::Array => {
            let array = arrays_of(backend, path)?.describe(path).await?;
            format!("array {}", spec_text(&ArraySpec { shape: array.shape, dtype: array.dtype }))
        }
        EntryKind::Table => {
            let table = tables_of(backend, path)?.describe(path).await?;
            format!("table, {}, {}", plural(table.rows, "row", "rows"), schema_text(&table.schema))
        }
        EntryKind::File => format!("file, {}", plural(backend.stat(path).await?.size_bytes, "byte", "bytes")),
        EntryKind::Directory => {
            let count = backend.list(path).await?.entries.len() as u64;
            format!("directory, {}", plural(count, "entry", "entries"))
        }
    })
}

fn arrays_of<'a>(backend: &'a dyn Backend, path: &EntryPath) -> Result<&'a dyn ArrayStore> {
    backend.arrays().ok_or_else(|| without(Capability::Arrays, path))
}

fn tables_of<'a>(backend: &'a dyn Backend, path: &EntryPath) -> Result<&'a dyn TableStore> {
    backend.tables().ok_or_else(|| without(Capability::Tables, path))
}

fn without(capability: Capability, path: &EntryPath) -> Error {
    Error::new(ErrorKind::Unsupported, format!("this storage does not offer '{capability}'"))
        .during("compare")
        .at(path)
}
