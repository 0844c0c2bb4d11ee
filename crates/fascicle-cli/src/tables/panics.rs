//! What is said of panics.

use fascicle::{Error, ErrorKind};

/// Says nothing of panics that are told as errors, and one line of any other.
pub(crate) fn install_panic_hook() {
    std::panic::set_hook(Box::new(|panic| {
        if !fascicle::exchange::is_guarded() && !is_on_a_thread_of_queries() {
            let error = Error::new(ErrorKind::Internal, format!("a defect of this program: {panic}"))
                .hint("please report it");
            crate::report::error(&error, crate::exit::Exit::Internal);
        }
    }));
}

/// Whether a panic here is caught by the library and told as an error.
fn is_on_a_thread_of_queries() -> bool {
    #[cfg(feature = "sql")]
    return std::thread::current().name() == Some(fascicle::sql::THREAD_NAME);
    #[cfg(not(feature = "sql"))]
    false
}
