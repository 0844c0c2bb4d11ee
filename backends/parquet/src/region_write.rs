//! Writing a region: the parts that hold rows of it are replaced, each in one step and only in the state in which it was read.
//!
//! | crash | what is left | effect |
//! |---|---|---|
//! | before a part is replaced | the old part | none of the part's elements was written |
//! | after | the new part | all of them were |
//!
//! Rows that others add meanwhile stand in other parts. Of two writers of one part the second one reads it again, so that neither
//! loses what the other wrote.

use crate::{
    array_type::ArrayType,
    compute::compute,
    decode,
    encode::{Encoding, PartEncoder},
    footer::Footer,
    manifest::Manifest,
    open_part::OpenPart,
    read::check_place,
    rows::RowPattern,
    stored_array::StoredArray,
};
use bytes::Bytes;
use fascicle_backend::{Error, ErrorKind, Region, Result, Values};
use fascicle_objects::{Patience, PutOutcome};
use fascicle_tables::corrupt_file;
use std::sync::Arc;

/// No longer part is replaced.
const MOST_PART_BYTES: u64 = 4 << 30;

impl StoredArray {
    /// Writes elements over those of a region.
    ///
    /// - Cost: as describing; the footers of the parts that hold rows of the region; for each of these parts a request that reads it
    ///   and one that replaces it, and one more of both for each time that another writer was faster.
    /// - Memory: the part, encoded, twice, and a row group.
    pub(crate) async fn write(&self, region: &Region, values: Values) -> Result<()> {
        let patience = Patience::new(self.options().lock_timeout);
        let values = Arc::new(values);
        // One at a time in this process: they would only be in each other's way.
        let _queue = self.tail.lock().await;
        while !self.try_write(region, &values, &patience).await? {
            patience.wait().await?;
        }
        Ok(())
    }

    /// Whether the array was not replaced meanwhile.
    async fn try_write(&self, region: &Region, values: &Arc<Values>, patience: &Patience) -> Result<bool> {
        let snapshot = self.snapshot().await?;
        let manifest = Arc::clone(&snapshot.writable()?.manifest);
        let Some((array, rows)) = self.measure(&snapshot).await? else { return Ok(false) };
        array.check_current(rows, region, values)?;
        if region.element_count()? == 0 {
            return Ok(true);
        }
        let pattern = Arc::new(RowPattern::new(array.trailing.as_deref().unwrap_or_default(), region));
        let located = self.locate(&snapshot, pattern.start..pattern.end(), rows).await?;
        let Some((parts, mut first_row)) = located else { return Ok(false) };
        for position in parts {
            let Some(part) = self.open_at(&snapshot, position).await? else { return Ok(false) };
            let end = check_place(&part, first_row)?;
            if pattern.next_row(first_row).is_some_and(|row| row < end)
                && !self.replace_part(&part, first_row, &manifest, &pattern, values, patience).await?
            {
                return Ok(false);
            }
            first_row = end;
        }
        Ok(true)
    }

    /// Replaces a part; whether it was still there.
    async fn replace_part(
        &self,
        part: &OpenPart,
        first_row: u64,
        manifest: &Arc<Manifest>,
        pattern: &Arc<RowPattern>,
        values: &Arc<Values>,
        patience: &Patience,
    ) -> Result<bool> {
        let object = &part.object.key;
        loop {
            let permit = self.shared.memory.take(part.footer.size.saturating_mul(2)).await?;
            let Some(stored) = self.store.read(object, MOST_PART_BYTES).await? else { return Ok(false) };
            let (name, manifest) = (part.footer.name.clone(), Arc::clone(manifest));
            let (pattern, values, limit) =
                (Arc::clone(pattern), Arc::clone(values), self.options().max_chunk_bytes);
            let bytes = stored.bytes.clone();
            let changed = compute(u64::MAX, move || {
                let footer = Footer::parse(&name, bytes.len() as u64, &bytes)?;
                rewrite(&footer, &bytes, first_row, &manifest, &pattern, &values, limit)
            });
            let changed = changed.await?;
            // The lineage goes on, by which the writer of the part knows its own.
            let outcome = self.store.put_over(object, changed, &stored).await?;
            drop(permit);
            match outcome {
                PutOutcome::Stored(_) | PutOutcome::Overtaken => return Ok(true),
                // Written twice, the elements are the same.
                PutOutcome::Refused | PutOutcome::Unclear => patience.wait().await?,
            }
        }
    }
}

/// The part with other elements. One row group after the other is in memory, decoded.
fn rewrite(
    footer: &Footer,
    bytes: &Bytes,
    first_row: u64,
    manifest: &Manifest,
    pattern: &RowPattern,
    values: &Values,
    limit: u64,
) -> Result<Bytes> {
    let array: &ArrayType = &manifest.array;
    footer.check(array)?;
    let name = footer.name.as_str();
    let note = footer.note.as_ref().ok_or_else(|| corrupt_file(name, "it does not say which part it is"))?;
    if note.rows_before != first_row {
        let why = format!("the part '{name}' holds other rows than it did");
        return Err(
            Error::new(ErrorKind::Conflict, why).hint("describe the array again, then repeat the call")
        );
    }
    let mut encoder = PartEncoder::new(&Encoding::of(manifest)?)?;
    for (group, place) in footer.groups.iter().enumerate() {
        let stored = decode::bytes_of(footer, group, bytes)?;
        let decoded = place.rows.saturating_mul(array.row_bytes());
        if decoded > limit {
            return Err(decode::too_large(name, "a row group", decoded, limit));
        }
        let mut rows = decode::rows(footer, group, stored, 0..place.rows, array, limit)?;
        pattern.scatter(first_row + place.first_row, values, &mut rows)?;
        encoder.write(&rows, 0, place.rows)?;
    }
    encoder.finish(note.position, note.rows_before)
}
