//! A stream as an iterator.

use super::wait;
use crate::Result;
use futures::{TryStreamExt, stream::BoxStream};
use std::fmt;

/// The items of a stream, each waited for when it is asked for. Ends after the first error.
#[must_use = "nothing is read before the first item is asked for"]
pub struct StreamIterator<T> {
    stream: Option<BoxStream<'static, Result<T>>>,
}

impl<T> From<BoxStream<'static, Result<T>>> for StreamIterator<T> {
    fn from(stream: BoxStream<'static, Result<T>>) -> Self {
        StreamIterator { stream: Some(stream) }
    }
}

impl<T: Send> Iterator for StreamIterator<T> {
    type Item = Result<T>;

    fn next(&mut self) -> Option<Result<T>> {
        let item = wait(self.stream.as_mut()?.try_next()).transpose();
        if !matches!(item, Some(Ok(_))) {
            self.stream = None;
        }
        item
    }
}

impl<T> fmt::Debug for StreamIterator<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamIterator").field("ended", &self.stream.is_none()).finish_non_exhaustive()
    }
}
