//! Reading a region: the row groups that hold rows of it, as many at once as the options allow.

use crate::{
    array_type::ArrayType,
    compute::compute,
    decode,
    open_part::{OpenPart, rows_before},
    rows::RowPattern,
    stored_array::StoredArray,
};
use fascicle_backend::{Region, Result, Values};
use fascicle_objects::Patience;
use fascicle_tables::corrupt_file;
use futures::{StreamExt, TryStreamExt, stream};
use std::{ops::Range, sync::Arc};

/// Of a large row group so many bytes of rows are decoded at a time.
const PIECE_BYTES: u64 = 64 << 20;

/// Rows of one row group that are read together.
struct Piece {
    part: Arc<OpenPart>,
    group: usize,
    /// The row of the array that is the first of the row group.
    group_row: u64,
    /// The rows that are decoded, counted from the row group's first.
    rows: Range<u64>,
}

impl StoredArray {
    /// Reads the elements of a region into a buffer, all of them from one state as far as rows are added or the array is replaced.
    ///
    /// - Cost: as describing; the footers of the parts that hold rows of the region, and of as many as it takes to find them; the row
    ///   groups with rows of the region, a request each. Parts of at most 256 KiB are one request.
    /// - Memory: the row groups in flight, see [`crate::ParquetOptions::max_bytes_in_flight`].
    pub(crate) async fn read(&self, region: &Region, mut buffer: Values) -> Result<Values> {
        let patience = Patience::new(self.options().lock_timeout);
        loop {
            // What was replaced or removed while it was read is read anew from the state that there is then.
            if self.try_read(region, &mut buffer).await? {
                return Ok(buffer);
            }
            patience.wait().await?;
        }
    }

    /// Whether nothing was replaced meanwhile.
    async fn try_read(&self, region: &Region, buffer: &mut Values) -> Result<bool> {
        let snapshot = self.snapshot().await?;
        let Some((array, rows)) = self.measure(&snapshot).await? else { return Ok(false) };
        array.check_current(rows, region, buffer)?;
        if region.element_count()? == 0 {
            return Ok(true);
        }
        let pattern = RowPattern::new(array.trailing.as_deref().unwrap_or_default(), region);
        let located = self.locate(&snapshot, pattern.start..pattern.end(), rows).await?;
        let Some((parts, first_row)) = located else { return Ok(false) };
        let at_once = self.options().concurrent_requests;
        let (array, pattern, snapshot) = (&array, &pattern, &snapshot);
        let mut next_row = first_row;
        let opened = stream::iter(parts).map(|position| self.open_at(snapshot, position)).buffered(at_once);
        let pieces = opened.flat_map(|part| {
            let pieces = part.and_then(|part| match part {
                Some(part) => {
                    let begin = next_row;
                    next_row = check_place(&part, begin)?;
                    let pieces = self.pieces(array, pattern, part, begin)?;
                    Ok(pieces.into_iter().map(|piece| Ok(Some(piece))).collect())
                }
                None => Ok(vec![Ok(None)]),
            });
            stream::iter(pieces.unwrap_or_else(|error| vec![Err(error)]))
        });
        let read = pieces.map(|piece| async {
            match piece? {
                Some(piece) => self.rows_of(array, piece).await,
                None => Ok(None),
            }
        });
        let mut read = read.buffer_unordered(at_once).boxed();
        while let Some(rows) = read.try_next().await? {
            let Some((row, rows)) = rows else { return Ok(false) };
            pattern.gather(row, &rows, buffer)?;
        }
        Ok(true)
    }

    /// The rows of a piece, and the row of the array that is the first of them; `None` when the part was replaced meanwhile.
    async fn rows_of(&self, array: &ArrayType, piece: Piece) -> Result<Option<(u64, Values)>> {
        let row_bytes = array.row_bytes();
        let bytes = piece.rows.end.saturating_sub(piece.rows.start).saturating_mul(row_bytes);
        let place = piece.part.footer.groups.get(piece.group);
        let stored = place.map_or(0, |place| place.end - place.start);
        let _permit = self.shared.memory.take(bytes.saturating_add(stored)).await?;
        let Some(fetched) = self.row_group(&piece.part, piece.group).await? else { return Ok(None) };
        let (first_row, array) = (piece.group_row + piece.rows.start, array.clone());
        let limit = self.options().max_chunk_bytes;
        let rows = compute(bytes.saturating_add(stored), move || {
            let footer = &piece.part.footer;
            decode::rows(footer, piece.group, fetched, piece.rows, &array, limit)
        });
        Ok(Some((first_row, rows.await?)))
    }

    fn pieces(
        &self,
        array: &ArrayType,
        pattern: &RowPattern,
        part: OpenPart,
        begin: u64,
    ) -> Result<Vec<Piece>> {
        let limit = self.options().max_chunk_bytes;
        let part = Arc::new(part);
        let name = part.footer.name.as_str();
        if array.row_bytes() > limit {
            return Err(decode::too_large(name, "a row", array.row_bytes(), limit));
        }
        let piece_rows = (PIECE_BYTES / array.row_bytes()).max(1);
        let mut pieces = Vec::new();
        for (group, place) in part.footer.groups.iter().enumerate() {
            let (group_row, end) = (begin + place.first_row, begin + place.first_row + place.rows);
            let mut at = group_row;
            while let Some(row) = pattern.next_row(at).filter(|row| *row < end) {
                let stop = end.min(row.saturating_add(piece_rows)).min(pattern.end());
                if place.end - place.start > limit {
                    return Err(decode::too_large(name, "a row group", place.end - place.start, limit));
                }
                let rows = row - group_row..stop - group_row;
                pieces.push(Piece { part: Arc::clone(&part), group, group_row, rows });
                at = stop;
            }
        }
        Ok(pieces)
    }
}

/// The row after the last of a part that begins with row `begin`. Errors: `Corrupt` when the part says that it begins elsewhere.
pub(crate) fn check_place(part: &OpenPart, begin: u64) -> Result<u64> {
    let name = part.footer.name.as_str();
    if part.footer.note.is_some() && rows_before(part) != begin {
        let why = format!("it says that {} rows stand before it, there are {begin}", rows_before(part));
        return Err(corrupt_file(name, &why));
    }
    begin.checked_add(part.footer.rows).ok_or_else(|| corrupt_file(name, "its rows cannot be counted"))
}
