//! The transpose codec: chunks stored with their axes in another order.

use super::Elements;
use fascicle_backend::Result;

/// The shape of an array of `shape` whose axes are put into `order`.
pub(crate) fn permuted(shape: &[u64], order: &[usize]) -> Vec<u64> {
    order.iter().map(|axis| shape.get(*axis).copied().unwrap_or(1)).collect()
}

/// The order that undoes `order`.
pub(crate) fn inverse(order: &[usize]) -> Vec<usize> {
    let mut inverse = vec![0; order.len()];
    for (position, axis) in order.iter().enumerate() {
        if let Some(entry) = inverse.get_mut(*axis) {
            *entry = position;
        }
    }
    inverse
}

/// The elements of an array of `shape`, in C order, with its axes put into `order`, which is a permutation. There are as
/// many elements as the shape says.
pub(crate) fn transpose(
    elements: Elements,
    shape: &[u64],
    order: &[usize],
    width: usize,
) -> Result<Elements> {
    if order.iter().enumerate().all(|(position, axis)| position == *axis) {
        return Ok(elements);
    }
    let mut strides = vec![1usize; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis] * shape[axis] as usize;
    }
    let lengths: Vec<usize> = permuted(shape, order).into_iter().map(|length| length as usize).collect();
    let steps: Vec<usize> = order.iter().map(|axis| strides.get(*axis).copied().unwrap_or(0)).collect();
    Ok(match elements {
        Elements::Text(texts) => {
            let mut moved = Vec::with_capacity(texts.len());
            visit(&lengths, &steps, |from| moved.push(texts.get(from).cloned().unwrap_or_default()));
            Elements::Text(moved)
        }
        elements => {
            let bytes = elements.bytes();
            let mut moved = Vec::with_capacity(bytes.len());
            visit(&lengths, &steps, |from| {
                moved.extend_from_slice(bytes.get(from * width..(from + 1) * width).unwrap_or(&[]));
            });
            Elements::Bytes(moved)
        }
    })
}

/// Calls `each` with the source position of every element of the target, in the target's order.
fn visit(lengths: &[usize], steps: &[usize], mut each: impl FnMut(usize)) {
    let Some((last_length, outer_lengths)) = lengths.split_last() else { return each(0) };
    if lengths.contains(&0) {
        return;
    }
    let last_step = steps.last().copied().unwrap_or(0);
    let mut position = vec![0usize; outer_lengths.len()];
    loop {
        let base: usize = position.iter().zip(steps).map(|(position, step)| position * step).sum();
        for along in 0..*last_length {
            each(base + along * last_step);
        }
        let Some(axis) =
            (0..outer_lengths.len()).rev().find(|axis| position[*axis] + 1 < outer_lengths[*axis])
        else {
            return;
        };
        position[axis] += 1;
        position[axis + 1..].fill(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        let (shape, order) = ([2u64, 3, 4], [2usize, 0, 1]);
        let bytes: Vec<u8> = (0..24).collect();
        let moved = transpose(Elements::Bytes(bytes.clone()), &shape, &order, 1).unwrap();
        // The first axis of the result is the last of the source.
        assert_eq!(moved.bytes()[..6], [0, 4, 8, 12, 16, 20]);
        let stored = permuted(&shape, &order);
        assert_eq!(stored, [4, 2, 3]);
        let back = transpose(moved, &stored, &inverse(&order), 1).unwrap();
        assert_eq!(back.bytes(), bytes);
    }
}
