//! The bytes of two files, piece by piece.

use super::difference::Differing;
use bytes::Bytes;
use fascicle_backend::{ByteStream, Result};
use futures::{StreamExt, stream::Fuse};

/// How two files differ. With `stop_at_first` the lengths are those read until then.
pub(super) async fn differing(
    this: ByteStream,
    other: ByteStream,
    stop_at_first: bool,
) -> Result<Option<Differing>> {
    let (mut this, mut other) = (Pieces::new(this), Pieces::new(other));
    let mut position = None;
    loop {
        let (this_length, other_length) = (this.fill().await?, other.fill().await?);
        let length = this_length.min(other_length);
        if position.is_none() {
            let first = this.rest.iter().zip(&other.rest).position(|(this, other)| this != other);
            let ended = (this_length == 0) != (other_length == 0);
            let first = first.or(ended.then_some(0));
            position = first.map(|at| this.taken + at as u64);
        }
        if stop_at_first && position.is_some() || this_length == 0 && other_length == 0 {
            break;
        }
        // When one side has ended, the other is only counted.
        let of_other = if this_length == 0 { other_length } else { length };
        this.take(if other_length == 0 { this_length } else { length });
        other.take(of_other);
    }
    let (this_bytes, other_bytes) = (this.taken, other.taken);
    Ok(position.map(|position| Differing::Bytes { this_bytes, other_bytes, position }))
}

/// A stream of bytes that is taken in pieces of any length.
struct Pieces {
    stream: Fuse<ByteStream>,
    rest: Bytes,
    /// How many bytes were taken.
    taken: u64,
}

impl Pieces {
    fn new(stream: ByteStream) -> Self {
        Pieces { stream: stream.fuse(), rest: Bytes::new(), taken: 0 }
    }

    /// Makes `rest` non-empty unless the end is reached; returns its length.
    async fn fill(&mut self) -> Result<usize> {
        while self.rest.is_empty() {
            match self.stream.next().await {
                Some(piece) => self.rest = piece?,
                None => break,
            }
        }
        Ok(self.rest.len())
    }

    fn take(&mut self, length: usize) {
        let length = length.min(self.rest.len());
        self.rest = self.rest.slice(length..);
        self.taken += length as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::stream;

    fn pieces(pieces: &[&'static str]) -> ByteStream {
        let pieces: Vec<_> = pieces.iter().map(|piece| Ok(Bytes::from_static(piece.as_bytes()))).collect();
        stream::iter(pieces).boxed()
    }

    async fn compare(this: &[&'static str], other: &[&'static str]) -> Option<(u64, u64, u64)> {
        match differing(pieces(this), pieces(other), false).await.unwrap()? {
            Differing::Bytes { this_bytes, other_bytes, position } => {
                Some((this_bytes, other_bytes, position))
            }
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn pieces_do_not_count() {
        assert_eq!(compare(&["abc", "", "def"], &["a", "bcdef"]).await, None);
        assert_eq!(compare(&[], &[""]).await, None);
        assert_eq!(compare(&["abc", "dXf"], &["a", "bcdef"]).await, Some((6, 6, 4)));
        assert_eq!(compare(&["abc"], &["abc", "de", "f"]).await, Some((3, 6, 3)));
        assert_eq!(compare(&["a", "b"], &[]).await, Some((2, 0, 0)));
        assert_eq!(compare(&["xb", "c"], &["a"]).await, Some((3, 1, 0)));
    }
}
