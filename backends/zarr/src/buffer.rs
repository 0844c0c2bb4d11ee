//! The caller's buffer, filled by several tasks at once, and elements moved between it and chunks.

use crate::{
    codec::Elements,
    fill::Fill,
    grid::{Part, Run, for_each_run},
};
use fascicle_backend::{Error, ErrorKind, Result, Values};

/// The elements that a caller wants to read, while tasks put them there. Each task has parts of its own: no two of them
/// have an element in common.
pub(crate) struct SharedBuffer {
    memory: Memory,
    count: usize,
    /// Owns what the pointers lead to. It is not touched before it is given back.
    values: Values,
}

/// Where the elements lie.
#[derive(Clone, Copy)]
enum Memory {
    Bytes { start: *mut u8, width: usize },
    Texts(*mut String),
}

// SAFETY: the pointers lead to memory that the struct owns and that is only written through `copy_in`, whose callers write
// disjoint elements; `Values` itself may be sent and shared.
unsafe impl Send for SharedBuffer {}
// SAFETY: see above.
unsafe impl Sync for SharedBuffer {}

impl SharedBuffer {
    pub(crate) fn new(mut values: Values) -> Self {
        let (count, width) = (values.len(), values.dtype().fixed_bytes().unwrap_or(0));
        let memory = match &mut values {
            Values::Text(texts) => Memory::Texts(texts.as_mut_ptr()),
            // Only the bytes 0 and 1 are ever put there, see `Pipeline::decode`.
            Values::Bool(bools) => Memory::Bytes { start: bools.as_mut_ptr().cast(), width },
            other => match other.bytes_mut() {
                Some(bytes) => Memory::Bytes { start: bytes.as_mut_ptr(), width },
                None => Memory::Bytes { start: std::ptr::dangling_mut(), width: 0 },
            },
        };
        SharedBuffer { memory, count, values }
    }

    pub(crate) fn into_values(self) -> Values {
        self.values
    }

    /// Copies the elements of a part of a chunk, or the fill value when the chunk is not stored.
    ///
    /// # Safety
    /// No other task may have a part with an element in common.
    pub(crate) unsafe fn copy_in(
        &self,
        part: &Part,
        chunk_shape: &[u64],
        counts: &[u64],
        source: Source<'_>,
    ) -> Result<()> {
        let mut result = Ok(());
        for_each_run(part, chunk_shape, counts, |run| {
            if result.is_ok() {
                // SAFETY: passed on to the caller.
                result = unsafe { self.copy_run(run, source) };
            }
        });
        result
    }

    /// # Safety
    /// As `copy_in`.
    unsafe fn copy_run(&self, run: Run, source: Source<'_>) -> Result<()> {
        let outside =
            || Error::new(ErrorKind::Internal, "elements of a chunk were to be copied outside of a buffer");
        if run.length == 0 {
            return Ok(());
        }
        let end = run.given.checked_add(run.length).filter(|end| *end <= self.count);
        end.ok_or_else(outside)?;
        let last = run.stored + (run.length - 1) * run.step;
        match self.memory {
            Memory::Bytes { start, width } => {
                // SAFETY: the run ends within `count` elements of `width` bytes, which the pointer leads to, and nobody else
                // has these elements.
                let target = unsafe {
                    std::slice::from_raw_parts_mut(start.add(run.given * width), run.length * width)
                };
                match source {
                    Source::Chunk(elements) => {
                        let bytes = elements.bytes();
                        let bytes = bytes.get(run.stored * width..(last + 1) * width).ok_or_else(outside)?;
                        gather(target, bytes, width, run.step);
                    }
                    Source::Fill(Fill::Bytes(element)) if element.len() == width => repeat(target, element),
                    Source::Fill(_) => return Err(outside()),
                }
            }
            Memory::Texts(start) => {
                // SAFETY: as above, for texts.
                let target = unsafe { std::slice::from_raw_parts_mut(start.add(run.given), run.length) };
                match source {
                    Source::Chunk(elements) => {
                        let texts = elements.texts().get(run.stored..=last).ok_or_else(outside)?;
                        for (target, text) in target.iter_mut().zip(texts.iter().step_by(run.step)) {
                            target.clone_from(text);
                        }
                    }
                    Source::Fill(Fill::Text(text)) => {
                        target.iter_mut().for_each(|target| target.clone_from(text))
                    }
                    Source::Fill(_) => return Err(outside()),
                }
            }
        }
        Ok(())
    }
}

/// What elements are copied from.
#[derive(Clone, Copy)]
pub(crate) enum Source<'a> {
    Chunk(&'a Elements),
    Fill(&'a Fill),
}

/// Copies elements that lie `step` apart one after another.
fn gather(target: &mut [u8], source: &[u8], width: usize, step: usize) {
    fn fixed<const W: usize>(target: &mut [u8], source: &[u8], step: usize) {
        let source = source.as_chunks::<W>().0.iter().step_by(step);
        for (target, source) in target.as_chunks_mut::<W>().0.iter_mut().zip(source) {
            *target = *source;
        }
    }
    match (step, width) {
        (1, _) => target.copy_from_slice(source),
        (_, 1) => fixed::<1>(target, source, step),
        (_, 2) => fixed::<2>(target, source, step),
        (_, 4) => fixed::<4>(target, source, step),
        (_, 8) => fixed::<8>(target, source, step),
        (_, 16) => fixed::<16>(target, source, step),
        _ => {
            let source = source.chunks(width).step_by(step);
            for (target, source) in target.chunks_exact_mut(width).zip(source) {
                target.copy_from_slice(source);
            }
        }
    }
}

fn repeat(target: &mut [u8], element: &[u8]) {
    if element.iter().all(|byte| *byte == 0) {
        return target.fill(0);
    }
    for target in target.chunks_exact_mut(element.len().max(1)) {
        target.copy_from_slice(element);
    }
}

/// Elements that are copied into a chunk.
#[derive(Clone, Copy)]
pub(crate) enum View<'a> {
    Bytes { bytes: &'a [u8], width: usize },
    Texts(&'a [String]),
}

impl<'a> View<'a> {
    pub(crate) fn of_values(values: &'a Values) -> Self {
        match (values.as_text(), values.as_bytes()) {
            (Some(texts), _) => View::Texts(texts),
            (None, bytes) => {
                View::Bytes { bytes: bytes.unwrap_or(&[]), width: values.dtype().fixed_bytes().unwrap_or(1) }
            }
        }
    }

    pub(crate) fn of_elements(elements: &'a Elements, width: Option<usize>) -> Self {
        match elements {
            Elements::Text(texts) => View::Texts(texts),
            elements => View::Bytes { bytes: elements.bytes(), width: width.unwrap_or(1) },
        }
    }
}

/// Copies elements of a buffer of `counts` positions along each axis over those of a chunk.
pub(crate) fn copy_out(
    part: &Part,
    chunk_shape: &[u64],
    counts: &[u64],
    source: View<'_>,
    target: &mut Elements,
) -> Result<()> {
    let outside =
        || Error::new(ErrorKind::Internal, "elements of a buffer were to be copied outside of a chunk");
    let mut copied = Some(());
    for_each_run(part, chunk_shape, counts, |run| {
        if copied.is_none() || run.length == 0 {
            return;
        }
        let last = run.stored + (run.length - 1) * run.step;
        copied = match (&mut *target, source) {
            (Elements::Text(target), View::Texts(source)) => (|| {
                let source = source.get(run.given..run.given + run.length)?;
                let target = target.get_mut(run.stored..=last)?;
                target
                    .iter_mut()
                    .step_by(run.step)
                    .zip(source)
                    .for_each(|(target, text)| target.clone_from(text));
                Some(())
            })(),
            (Elements::Bytes(target), View::Bytes { bytes, width }) => (|| {
                let source = bytes.get(run.given * width..(run.given + run.length) * width)?;
                let target = target.get_mut(run.stored * width..(last + 1) * width)?;
                if run.step == 1 {
                    target.copy_from_slice(source);
                } else {
                    let spread = target.chunks_mut(width).step_by(run.step);
                    spread
                        .zip(source.chunks_exact(width))
                        .for_each(|(target, source)| target.copy_from_slice(source));
                }
                Some(())
            })(),
            _ => None,
        };
    });
    copied.ok_or_else(outside)
}

/// Copies elements of a chunk over those of a buffer of `counts` positions along each axis.
pub(crate) fn copy_back(
    part: &Part,
    chunk_shape: &[u64],
    counts: &[u64],
    source: View<'_>,
    target: &mut Elements,
) -> Result<()> {
    let outside =
        || Error::new(ErrorKind::Internal, "elements of a chunk were to be copied outside of a buffer");
    let mut copied = Some(());
    for_each_run(part, chunk_shape, counts, |run| {
        if copied.is_none() || run.length == 0 {
            return;
        }
        let last = run.stored + (run.length - 1) * run.step;
        copied = match (&mut *target, source) {
            (Elements::Text(target), View::Texts(source)) => (|| {
                let source = source.get(run.stored..=last)?.iter().step_by(run.step);
                let target = target.get_mut(run.given..run.given + run.length)?;
                target.iter_mut().zip(source).for_each(|(target, text)| target.clone_from(text));
                Some(())
            })(),
            (Elements::Bytes(target), View::Bytes { bytes, width }) => (|| {
                let source = bytes.get(run.stored * width..(last + 1) * width)?;
                let target = target.get_mut(run.given * width..(run.given + run.length) * width)?;
                gather(target, source, width, run.step);
                Some(())
            })(),
            _ => None,
        };
    });
    copied.ok_or_else(outside)
}

/// Gives the elements of a chunk from `row` of its first axis on the fill value.
pub(crate) fn blank_rows(elements: &mut Elements, chunk_shape: &[u64], row: u64, fill: &Fill) {
    let row_elements: u64 = chunk_shape.iter().skip(1).product();
    let first = row.saturating_mul(row_elements) as usize;
    match (elements, fill) {
        (Elements::Bytes(bytes), Fill::Bytes(element)) => {
            if let Some(rest) = bytes.get_mut(first.saturating_mul(element.len())..) {
                repeat(rest, element);
            }
        }
        (Elements::Text(texts), Fill::Text(text)) => {
            texts.iter_mut().skip(first).for_each(|target| target.clone_from(text));
        }
        _ => {}
    }
}
