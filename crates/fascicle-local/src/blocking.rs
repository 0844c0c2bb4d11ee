//! Work that blocks, moved off the asynchronous threads.

use fascicle_backend::{Error, ErrorKind, Result};

/// Runs `work` on a thread that may block. It runs to its end even when the future is dropped, so that a cancelled
/// write is either not begun or done. A panic of `work` comes back as [`ErrorKind::Internal`].
pub async fn blocking<T, F>(work: F) -> Result<T>
where
    T: Send + 'static,
    F: FnOnce() -> Result<T> + Send + 'static,
{
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(failure) if failure.is_panic() => {
            let payload = failure.into_panic();
            let text = payload
                .downcast_ref::<&str>()
                .map(|text| (*text).to_owned())
                .or_else(|| payload.downcast_ref::<String>().cloned())
                .unwrap_or_else(|| "no message".to_owned());
            Err(Error::new(ErrorKind::Internal, format!("the operation panicked: {text}")))
        }
        Err(failure) => {
            Err(Error::new(ErrorKind::Unavailable, "the runtime is shutting down").caused_by(failure))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_an_error() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let error = runtime.block_on(blocking::<(), _>(|| panic!("number {}", 7))).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Internal);
        assert!(error.message().contains("number 7"), "{error}");
    }
}
