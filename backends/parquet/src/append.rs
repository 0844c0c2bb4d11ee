//! Adding rows: a new part under the next number, created if it is absent.
//!
//! | crash | what is left | effect |
//! |---|---|---|
//! | before the part is stored | nothing | the rows were not added |
//! | after | the part | the rows were added |
//!
//! Of writers that want the same number one gets it; the others look at the array again and take the next one. A writer that stored
//! its part looks whether the array is still the one that it meant: if it was written anew or removed meanwhile, the part belongs to
//! nothing, and the writer removes it.

use crate::{
    array_type::ArrayType,
    compute::compute,
    encode::{Encoding, PartEncoder},
    part_name,
    stored_array::{Described, StoredArray},
};
use fascicle_backend::{Error, ErrorKind, Result, Values};
use fascicle_objects::{Condition, Patience, PutOutcome};
use std::sync::Arc;

/// The end of an array, as the handle knows it.
#[derive(Clone, Debug)]
pub(crate) struct Tail {
    described: Described,
    /// The position of the next part.
    next: u64,
    rows: u64,
}

impl StoredArray {
    /// Adds rows and returns how many the array has then.
    ///
    /// Cost: where the handle added the rows before, two requests; else up to three more.
    pub(crate) async fn append(&self, rows: u64, values: Values) -> Result<u64> {
        let values = Arc::new(values);
        let patience = Patience::new(self.options().lock_timeout);
        let mut remembered = self.tail.lock().await;
        loop {
            // Whoever gives up in between leaves nothing that could be wrong.
            let known = remembered.take().filter(|_| rows > 0);
            let is_fresh = known.is_none();
            let Some(tail) = (match known {
                Some(tail) => Some(tail),
                None => self.find_tail().await?,
            }) else {
                patience.wait().await?;
                continue;
            };
            let manifest = &tail.described.manifest;
            let total = match check_rows(&manifest.array, tail.rows, rows, &values) {
                // The rows may fit an array that took the place of the one that is known.
                Err(_) if !is_fresh => continue,
                total => total?,
            };
            if rows == 0 {
                *remembered = Some(tail);
                return Ok(total);
            }
            let encoding = Encoding::of(manifest)?;
            let bytes = rows.saturating_mul(manifest.array.row_bytes());
            let permit = self.shared.memory.take(bytes).await?;
            let (rows_before, position, given) = (tail.rows, tail.next, Arc::clone(&values));
            let part = compute(bytes, move || {
                let mut encoder = PartEncoder::new(&encoding)?;
                encoder.write(&given, 0, rows)?;
                encoder.finish(position, rows_before)
            });
            let object = self.key(&part_name::name_of(manifest.generation, tail.next)?)?;
            let stored = self.store.put_if(&object, part.await?, &Condition::Absent).await?;
            drop(permit);
            match stored {
                PutOutcome::Stored(_) | PutOutcome::Overtaken => {}
                PutOutcome::Refused => {
                    patience.wait().await?;
                    continue;
                }
                PutOutcome::Unclear => return Err(unclear()),
            }
            let described = match self.load().await? {
                Some(now) if now.manifest.generation == manifest.generation => now,
                now => {
                    self.store.delete(&object).await?;
                    if now.is_none() {
                        return Err(Error::new(ErrorKind::NotFound, "the array was removed meanwhile"));
                    }
                    continue;
                }
            };
            *remembered = Some(Tail { described, next: tail.next + 1, rows: total });
            return Ok(total);
        }
    }

    /// The end of the array; `None` when it was replaced meanwhile.
    async fn find_tail(&self) -> Result<Option<Tail>> {
        let snapshot = self.snapshot().await?;
        let described = snapshot.writable()?.clone();
        let Some((_, rows)) = self.measure(&snapshot).await? else { return Ok(None) };
        Ok(Some(Tail { described, next: snapshot.parts.len() as u64, rows }))
    }
}

fn unclear() -> Error {
    let why = "the store did not say whether the rows were added, and others wrote to the array before it could be looked at";
    Error::new(ErrorKind::Unavailable, why)
        .hint("look at the array's length before appending them again")
        .retryable(false)
}

/// The length of an array after rows were added; refuses those that do not fit it.
fn check_rows(array: &ArrayType, rows_before: u64, rows: u64, values: &Values) -> Result<u64> {
    let Some(trailing) = &array.trailing else {
        return Err(Error::new(ErrorKind::Mismatch, "a scalar has no axis along which rows could be added"));
    };
    if values.dtype() != array.dtype {
        let why = format!("the array holds {}, the rows hold {}", array.dtype, values.dtype());
        return Err(Error::new(ErrorKind::Mismatch, why).hint("convert the rows to the array's dtype"));
    }
    let expected = trailing.iter().try_fold(rows, |product, length| product.checked_mul(*length));
    if expected != Some(values.len() as u64) {
        let why = format!("{} elements are not {rows} rows of shape {trailing:?}", values.len());
        return Err(Error::new(ErrorKind::Mismatch, why));
    }
    let total = rows_before.checked_add(rows).filter(|total| array.shape(*total).is_ok());
    total.ok_or_else(|| {
        Error::new(ErrorKind::LimitExceeded, "the array would have more elements than can be counted")
    })
}
