//! The elements of two arrays, block by block.

use super::blocks::Blocks;
use super::difference::Differing;
use super::elements::{differing_elements, element_text};
use fascicle_backend::{ArraySpec, ArrayStore, EntryPath, Region, Result, Shape, Values};
use futures::try_join;

/// The most bytes read at once of either side.
const BLOCK_BYTES: u64 = 4 << 20;

/// Two arrays of the same dtype and shape.
pub(super) struct Sides<'a> {
    pub(super) this: &'a dyn ArrayStore,
    pub(super) this_path: &'a EntryPath,
    pub(super) other: &'a dyn ArrayStore,
    pub(super) other_path: &'a EntryPath,
    pub(super) spec: &'a ArraySpec,
    /// The chunks of this side.
    pub(super) chunks: Option<&'a [u64]>,
}

/// How the elements differ. With `stop_at_first` the count is that of the first block that differs.
pub(super) async fn differing(sides: Sides<'_>, stop_at_first: bool) -> Result<Option<Differing>> {
    let ArraySpec { shape, dtype } = sides.spec;
    let mut count = 0;
    let mut first = None;
    let mut offset = 0;
    for region in Blocks::new(shape, *dtype, sides.chunks, BLOCK_BYTES) {
        let (this, other) = try_join!(
            read(sides.this, sides.this_path, sides.spec, &region),
            read(sides.other, sides.other_path, sides.spec, &region)
        )?;
        let elements = this.len() as u64;
        let (block_count, block_first) = differing_elements(&this, &other)?;
        count += block_count;
        if let (None, Some(at)) = (&first, block_first) {
            first = Some((offset + at as u64, element_text(&this, at)?, element_text(&other, at)?));
        }
        offset += elements;
        if stop_at_first && first.is_some() {
            break;
        }
    }
    Ok(first.map(|(at, this, other)| Differing::Elements {
        differing: count,
        total: shape.element_count(),
        position: position(at, shape),
        this,
        other,
    }))
}

async fn read(store: &dyn ArrayStore, path: &EntryPath, spec: &ArraySpec, region: &Region) -> Result<Values> {
    let buffer = Values::zeros(spec.dtype, region.element_count()?)?;
    store.read(path, region, buffer).await
}

/// The position of the element at `offset` in C order.
fn position(mut offset: u64, shape: &Shape) -> Vec<u64> {
    let mut position: Vec<u64> = shape
        .iter()
        .rev()
        .map(|length| {
            let at = offset.checked_rem(*length).unwrap_or(0);
            offset = offset.checked_div(*length).unwrap_or(0);
            at
        })
        .collect();
    position.reverse();
    position
}
