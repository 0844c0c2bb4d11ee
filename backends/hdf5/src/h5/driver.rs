//! How the library reaches files: by its own driver for POSIX files, except that a write which the storage refuses does not fail
//! inside of the library.
//!
//! The library does not survive a write that fails while it closes a data set, as on a full disk: the set stays listed without its
//! content, and the next flush of any file ends the process. Here a refused write is noted and looks done to the library, and
//! from then on nothing more is written to that file, so that it is left as by a process that was killed at this moment, a state
//! that every reader and writer copes with. What the library would have written of its own structures stays in memory until the
//! file is closed, for it may read them back. [`exclusively`](super::library::exclusively) turns what was noted into an error.

use super::library::{Handle, failure};
use fascicle_backend::{Error, ErrorKind, Result};
use hdf5_sys::{
    h5::{haddr_t, herr_t},
    h5i::hid_t,
    h5p::{H5P_CLS_FILE_ACCESS, H5Pcreate, H5Pset_driver, H5Pset_fapl_sec2},
};
use std::{
    collections::BTreeMap,
    ffi::{CStr, c_char, c_int, c_uint, c_ulong, c_void},
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
};

/// The layout of [`Class`] that the library calls by this number.
const CLASS_VERSION: c_uint = 1;
/// Raw data, among the kinds of what is written.
const RAW_DATA: c_int = 3;
/// From the range for drivers that are not registered with the HDF Group.
const DRIVER_NUMBER: c_int = 341;
const DONE: herr_t = 0;

type Unused = Option<unsafe extern "C" fn()>;
type CloseFile = unsafe extern "C" fn(*mut File) -> herr_t;
type Read = unsafe extern "C" fn(*mut File, c_int, hid_t, haddr_t, usize, *mut c_void) -> herr_t;
type Write = unsafe extern "C" fn(*mut File, c_int, hid_t, haddr_t, usize, *const c_void) -> herr_t;
type Truncate = unsafe extern "C" fn(*mut File, hid_t, bool) -> herr_t;

/// `H5FD_class_t` of HDF5 2, which the bindings have in an older form.
#[repr(C)]
#[derive(Clone, Copy)]
struct Class {
    version: c_uint,
    value: c_int,
    name: *const c_char,
    maxaddr: haddr_t,
    fc_degree: c_int,
    terminate: Unused,
    superblock: [Unused; 3],
    fapl_size: usize,
    fapl: [Unused; 3],
    dxpl_size: usize,
    dxpl: [Unused; 2],
    open: Unused,
    close: Option<CloseFile>,
    /// `cmp`, `query`, `get_type_map`, `alloc`, `free`, `get_eoa`, `set_eoa`, `get_eof`, `get_handle`.
    about: [Unused; 9],
    read: Option<Read>,
    write: Option<Write>,
    /// `read_vector`, `write_vector`, `read_selection`, `write_selection`, `flush`.
    optional: [Unused; 5],
    truncate: Option<Truncate>,
    /// `lock`, `unlock`, `del`, `ctl`.
    last: [Unused; 4],
    fl_map: [c_int; 7],
}

/// The beginning of `H5FD_t`.
#[repr(C)]
struct File {
    driver_id: hid_t,
    class: *const Class,
    number: c_ulong,
}

unsafe extern "C" {
    fn H5FDregister(class: *const Class) -> hid_t;
    fn H5FDopen(name: *const c_char, flags: c_uint, fapl: hid_t, maxaddr: haddr_t) -> *mut File;
    fn H5FDclose(file: *mut File) -> herr_t;
}

/// The driver, and what it stands upon.
struct Driver {
    id: hid_t,
    close: CloseFile,
    read: Read,
    write: Write,
    truncate: Truncate,
}

static DRIVER: OnceLock<Driver> = OnceLock::new();

/// What was refused, in all files that are open.
#[derive(Default)]
struct Refused {
    /// How often a write was refused or left out.
    count: u64,
    /// Why the last one was.
    reason: Option<Error>,
    /// By the address of their [`File`], the files to which nothing more is written, with the pieces of the library's structures
    /// that stay in memory, by their place in the file.
    files: BTreeMap<usize, (Error, BTreeMap<haddr_t, Vec<u8>>)>,
}

static REFUSED: Mutex<Refused> = Mutex::new(Refused { count: 0, reason: None, files: BTreeMap::new() });

fn refused() -> MutexGuard<'static, Refused> {
    REFUSED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How many writes have been refused or left out, to be given to [`check_refusals`] later.
pub(crate) fn refusals() -> u64 {
    refused().count
}

/// Fails when a write was refused or left out since [`refusals`] gave this number.
pub(crate) fn check_refusals(since: u64) -> Result<()> {
    let refused = refused();
    match &refused.reason {
        Some(reason) if refused.count != since => Err(copied(reason)),
        _ => Ok(()),
    }
}

fn copied(error: &Error) -> Error {
    Error::new(error.kind(), error.message().to_owned())
}

/// Lets the files that are opened with `access` be reached by this driver.
pub(crate) fn use_driver(access: &Handle) -> Result<()> {
    hdf5::sync::sync(|| {
        let driver = match DRIVER.get() {
            Some(driver) => driver,
            None => {
                let registered = register()?;
                DRIVER.get_or_init(|| registered)
            }
        };
        call!(H5Pset_driver(access.id(), driver.id, std::ptr::null()))?;
        Ok(())
    })
}

fn register() -> Result<Driver> {
    let unknown = |why: &str| {
        Error::new(ErrorKind::Unsupported, format!("the HDF5 library in this program {why}"))
            .hint("build with the bundled HDF5 of the version in fascicle's Cargo.lock")
    };
    let access = Handle::owned(call!(H5Pcreate(*H5P_CLS_FILE_ACCESS))?);
    call!(H5Pset_fapl_sec2(access.id()))?;
    // SAFETY: the arguments are valid. The class that an open file points to lives as long as the library, and is looked into
    // beyond its first field only when that says it is laid out as `Class` is.
    unsafe {
        // Any file; the driver only opens it.
        let any = H5FDopen(c"/".as_ptr(), 0, access.id(), haddr_t::MAX);
        if any.is_null() {
            return Err(last_failure());
        }
        let known =
            (*(*any).class).version == CLASS_VERSION && CStr::from_ptr((*(*any).class).name) == c"sec2";
        let mut class = if known { Some(*(*any).class) } else { None };
        H5FDclose(any);
        let Some(class) = class.as_mut() else { return Err(unknown("has drivers of an unknown form")) };
        let (Some(close), Some(read), Some(write), Some(truncate)) =
            (class.close, class.read, class.write, class.truncate)
        else {
            return Err(unknown("has a driver for POSIX files that lacks functions"));
        };
        class.name = c"fascicle".as_ptr();
        class.value = DRIVER_NUMBER;
        class.close = Some(close_file);
        class.read = Some(read_file);
        class.write = Some(write_file);
        class.truncate = Some(truncate_file);
        match H5FDregister(class) {
            id if id < 0 => Err(last_failure()),
            id => Ok(Driver { id, close, read, write, truncate }),
        }
    }
}

/// The driver below; there is one whenever the library calls the functions here.
fn below() -> Option<&'static Driver> {
    DRIVER.get()
}

/// Why the library's last call failed.
fn last_failure() -> Error {
    match hdf5::Error::query() {
        Ok(error) => failure(error),
        Err(error) => failure(error),
    }
}

/// Notes that the library's last call was refused, unless the file is known for it.
fn note(file: *mut File) {
    let reason = last_failure();
    let mut refused = refused();
    refused.files.entry(file.addr()).or_insert_with(|| (reason, BTreeMap::new()));
}

/// Whether writes to the file are left out; notes one more that is.
fn left_out(file: *mut File) -> bool {
    let mut refused = refused();
    let Some((reason, _)) = refused.files.get(&file.addr()) else { return false };
    let reason = copied(reason);
    refused.count += 1;
    refused.reason = Some(reason);
    true
}

unsafe extern "C" fn write_file(
    file: *mut File,
    kind: c_int,
    transfer: hid_t,
    address: haddr_t,
    size: usize,
    bytes: *const c_void,
) -> herr_t {
    let Some(below) = below() else { return -1 };
    if !refused().files.contains_key(&file.addr()) {
        // SAFETY: the arguments are the library's own.
        if unsafe { (below.write)(file, kind, transfer, address, size, bytes) } >= 0 {
            return DONE;
        }
        note(file);
    }
    left_out(file);
    if kind != RAW_DATA {
        // SAFETY: the library hands over `size` bytes.
        let piece = unsafe { std::slice::from_raw_parts(bytes.cast::<u8>(), size) }.to_vec();
        if let Some((_, pieces)) = refused().files.get_mut(&file.addr()) {
            keep(pieces, address, piece);
        }
    }
    DONE
}

/// Puts a piece upon those that are there.
fn keep(pieces: &mut BTreeMap<haddr_t, Vec<u8>>, address: haddr_t, piece: Vec<u8>) {
    if piece.is_empty() {
        return;
    }
    let end = address.saturating_add(piece.len() as u64);
    let mut below: Vec<(haddr_t, Vec<u8>)> = pieces
        .range(..end)
        .filter(|(at, bytes)| *at + bytes.len() as u64 > address)
        .map(|(at, bytes)| (*at, bytes.clone()))
        .collect();
    for (at, bytes) in &mut below {
        pieces.remove(at);
        let from = usize::try_from(address.saturating_sub(*at)).unwrap_or(usize::MAX).min(bytes.len());
        let to = usize::try_from(end.saturating_sub(*at)).unwrap_or(usize::MAX).min(bytes.len());
        let after = bytes.split_off(to);
        bytes.truncate(from);
        if !bytes.is_empty() {
            pieces.insert(*at, std::mem::take(bytes));
        }
        if !after.is_empty() {
            pieces.insert(end, after);
        }
    }
    pieces.insert(address, piece);
}

unsafe extern "C" fn read_file(
    file: *mut File,
    kind: c_int,
    transfer: hid_t,
    address: haddr_t,
    size: usize,
    bytes: *mut c_void,
) -> herr_t {
    let Some(below) = below() else { return -1 };
    // SAFETY: the arguments are the library's own.
    let outcome = unsafe { (below.read)(file, kind, transfer, address, size, bytes) };
    if outcome >= 0
        && let Some((_, pieces)) = refused().files.get(&file.addr())
    {
        // SAFETY: the library hands over room for `size` bytes, which have just been written.
        let read = unsafe { std::slice::from_raw_parts_mut(bytes.cast::<u8>(), size) };
        put_over(pieces, address, read);
    }
    outcome
}

/// Puts the pieces over what was read at `address`.
fn put_over(pieces: &BTreeMap<haddr_t, Vec<u8>>, address: haddr_t, read: &mut [u8]) {
    for (at, piece) in pieces.range(..address.saturating_add(read.len() as u64)) {
        let within = usize::try_from(at.saturating_sub(address)).unwrap_or(usize::MAX);
        let skipped = usize::try_from(address.saturating_sub(*at)).unwrap_or(usize::MAX);
        if let (Some(to), Some(from)) = (read.get_mut(within..), piece.get(skipped..)) {
            to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
        }
    }
}

unsafe extern "C" fn truncate_file(file: *mut File, transfer: hid_t, closing: bool) -> herr_t {
    let Some(below) = below() else { return -1 };
    if left_out(file) {
        return DONE;
    }
    // SAFETY: the arguments are the library's own.
    if unsafe { (below.truncate)(file, transfer, closing) } < 0 {
        note(file);
        left_out(file);
    }
    DONE
}

unsafe extern "C" fn close_file(file: *mut File) -> herr_t {
    let Some(below) = below() else { return -1 };
    left_out(file);
    refused().files.remove(&file.addr());
    // SAFETY: the argument is the library's own.
    if unsafe { (below.close)(file) } < 0 {
        // As file systems do that write when a file is closed.
        let reason = last_failure();
        let mut refused = refused();
        refused.count += 1;
        refused.reason = Some(reason);
    }
    DONE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stays_in_memory_is_read_back_as_it_was_written_last() {
        let mut random = crate::h5::tests::Random::new(7);
        let (mut pieces, mut expected) = (BTreeMap::new(), vec![0; 300]);
        for value in 1..200 {
            let from = random.below(300) as usize;
            let to = from + random.below(41.min(301 - from as u64)) as usize;
            keep(&mut pieces, from as u64, vec![value; to - from]);
            expected[from..to].fill(value);
            let from = random.below(300) as usize;
            let to = from + random.below(301 - from as u64) as usize;
            let mut read = vec![0; to - from];
            put_over(&pieces, from as u64, &mut read);
            assert_eq!(read, expected[from..to]);
        }
    }
}
