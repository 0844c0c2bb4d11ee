//! Text that is read by whole rows, so that memory is bounded and lines can be named.

use fascicle_backend::{Error, ErrorKind, Result};
use std::io::Read;

/// The longest row: a quote that is never closed would otherwise take the rest of the file into memory.
const MAX_ROW_BYTES: usize = 64 << 20;

/// Bytes that are read at once.
const READ_BYTES: usize = 256 << 10;

/// Rows and bytes of a block.
pub(crate) const BLOCK_ROWS: usize = 8192;
const BLOCK_BYTES: usize = 16 << 20;

/// How rows end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RowForm {
    /// At the end of a line.
    Lines,
    /// At the end of a line, but not within quotes, which begin with a cell; cells are separated by this.
    Quoted(u8),
}

/// Whole rows.
pub(crate) struct Block {
    /// Their bytes, the last of which ends a row.
    pub(crate) bytes: Vec<u8>,
    /// The line of the first one, counted from 1.
    pub(crate) first_line: u64,
}

/// Where within a row the next byte stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    CellBegins,
    Plain,
    Quoted,
    /// After a quote within quotes: the end of them, or the first of two.
    QuoteEnds,
}

/// Rows of a source, block by block.
pub(crate) struct Rows<R> {
    source: R,
    form: RowForm,
    /// Bytes that were read and not given away.
    pending: Vec<u8>,
    /// How many of them were looked at.
    seen: usize,
    /// Where the last whole row among them ends, and how many end up to there.
    whole: (usize, usize),
    state: State,
    line: u64,
    ended: bool,
}

impl<R: Read> Rows<R> {
    pub(crate) fn new(source: R, form: RowForm) -> Self {
        Rows {
            source,
            form,
            pending: Vec::new(),
            seen: 0,
            whole: (0, 0),
            state: State::CellBegins,
            line: 1,
            ended: false,
        }
    }

    /// The next rows, at most so many; `None` at the end.
    pub(crate) fn next_block(&mut self, most_rows: usize) -> Result<Option<Block>> {
        loop {
            self.look(most_rows);
            let (end, rows) = self.whole;
            if rows >= most_rows || end >= BLOCK_BYTES || (self.ended && end > 0) {
                return Ok(Some(self.take()));
            }
            if self.ended {
                return Ok(None);
            }
            if self.pending.len() - end > MAX_ROW_BYTES {
                let line = self.line + lines_in(self.pending.get(..end).unwrap_or_default());
                return Err(Error::new(
                    ErrorKind::Corrupt,
                    format!("the row that begins in line {line} is longer than {} MiB", MAX_ROW_BYTES >> 20),
                )
                .hint(match self.form {
                    RowForm::Quoted(_) => "a quote that is never closed is the usual reason",
                    RowForm::Lines => "a row is one line",
                }));
            }
            self.fill()?;
        }
    }

    fn fill(&mut self) -> Result<()> {
        let before = self.pending.len();
        let read = self.source.by_ref().take(READ_BYTES as u64).read_to_end(&mut self.pending);
        if read.map_err(Error::from)? == 0 {
            self.ended = true;
            // Without it the last row would be taken for one of which the rest is missing.
            if self.pending.last().is_some_and(|last| *last != b'\n') {
                self.pending.push(b'\n');
                self.state = if self.state == State::Quoted { State::Quoted } else { State::Plain };
            }
        } else if before == 0 && self.line == 1 && self.pending.starts_with(b"\xef\xbb\xbf") {
            // The mark that some programs put before UTF-8 belongs to no cell.
            self.pending.drain(..3);
        }
        Ok(())
    }

    /// Finds ends of rows among what was read.
    fn look(&mut self, most_rows: usize) {
        while let Some(byte) = self.pending.get(self.seen).copied() {
            if self.whole.1 >= most_rows || self.whole.0 >= BLOCK_BYTES {
                return;
            }
            self.seen += 1;
            let ends_row = match self.form {
                RowForm::Lines => byte == b'\n',
                RowForm::Quoted(delimiter) => {
                    let outside = match byte {
                        b'\n' | b'\r' => State::CellBegins,
                        byte if byte == delimiter => State::CellBegins,
                        _ => State::Plain,
                    };
                    self.state = match (self.state, byte) {
                        (State::CellBegins, b'"') | (State::QuoteEnds, b'"') => State::Quoted,
                        (State::Quoted, b'"') => State::QuoteEnds,
                        (State::Quoted, _) => State::Quoted,
                        _ => outside,
                    };
                    byte == b'\n' && self.state != State::Quoted
                }
            };
            if ends_row {
                self.whole = (self.seen, self.whole.1 + 1);
            }
        }
        if self.ended && self.whole.0 < self.pending.len() {
            // What is left is a row that its writer did not complete; the decoder says what is wrong with it.
            self.whole = (self.pending.len(), self.whole.1 + 1);
        }
    }

    fn take(&mut self) -> Block {
        let rest = self.pending.split_off(self.whole.0);
        let bytes = std::mem::replace(&mut self.pending, rest);
        let first_line = self.line;
        self.line += lines_in(&bytes);
        self.seen -= self.whole.0;
        self.whole = (0, 0);
        Block { bytes, first_line }
    }
}

fn lines_in(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|byte| **byte == b'\n').count() as u64
}
