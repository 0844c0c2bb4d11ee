//! Memory that is counted and capped: whoever asks for too much gets none, as on a machine that has no more.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

/// What may be in use at once, beyond what was in use before.
pub const CAP_BYTES: usize = 512 << 20;

static IN_USE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

/// The system's allocator, counting. A program that fuzzes makes it its global allocator.
#[derive(Debug)]
pub struct Counted;

// SAFETY: every call is passed on to the system's allocator, or answered with the null pointer, which means "no memory".
unsafe impl GlobalAlloc for Counted {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if !reserve(layout.size()) {
            return std::ptr::null_mut();
        }
        // SAFETY: the caller's promises are those that the system's allocator asks for.
        let pointer = unsafe { System.alloc(layout) };
        if pointer.is_null() {
            release(layout.size());
        }
        pointer
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        release(layout.size());
        // SAFETY: as above; the pointer came from the system's allocator.
        unsafe { System.dealloc(pointer, layout) }
    }
}

fn reserve(bytes: usize) -> bool {
    let before = IN_USE.fetch_add(bytes, Ordering::Relaxed);
    // Twice the cap, so that what exceeds the cap by little is told by the peak, and not by the end of the process.
    if before.saturating_add(bytes) > 2 * CAP_BYTES {
        release(bytes);
        return false;
    }
    PEAK.fetch_max(before + bytes, Ordering::Relaxed);
    true
}

fn release(bytes: usize) {
    IN_USE.fetch_sub(bytes, Ordering::Relaxed);
}

/// What is in use now; the peak begins anew from here.
pub fn begin() -> usize {
    let now = IN_USE.load(Ordering::Relaxed);
    PEAK.store(now, Ordering::Relaxed);
    now
}

/// How much more than `before` was in use at once since [`begin`].
pub fn peak_since(before: usize) -> usize {
    PEAK.load(Ordering::Relaxed).saturating_sub(before)
}
