//! The one list of behaviours. What is added to an area runs against every backend.

mod append;
mod array;
mod attributes;
mod build;
mod compare;
mod concurrent;
mod config;
mod convert;
mod copy;
mod cost;
mod directory;
mod dtype;
mod each_call;
mod entry;
mod error;
mod extend;
mod fault;
mod file;
mod given_path;
mod given_up;
mod history;
mod limit;
mod list;
mod maintenance;
mod meta;
mod modified;
mod path;
mod race;
mod random;
mod reader;
mod record;
mod recovery;
mod refusal;
mod remove;
mod rename;
mod reopen;
mod resume;
mod rooted;
mod scan;
mod select;
mod stamp;
mod table;
mod table_append;
mod table_compact;
mod table_new_columns;
mod tail;
mod takeover;
mod tending;
mod tree;

use crate::Behaviour;

/// Every behaviour, in the order of the specification.
pub fn all() -> Vec<Behaviour> {
    [
        path::behaviours(),
        entry::behaviours(),
        meta::behaviours(),
        stamp::behaviours(),
        list::behaviours(),
        file::behaviours(),
        array::behaviours(),
        dtype::behaviours(),
        select::behaviours(),
        append::behaviours(),
        table::behaviours(),
        scan::behaviours(),
        table_append::behaviours(),
        table_new_columns::behaviours(),
        table_compact::behaviours(),
        attributes::behaviours(),
        remove::behaviours(),
        rename::behaviours(),
        copy::behaviours(),
        record::behaviours(),
        reopen::behaviours(),
        concurrent::behaviours(),
        reader::behaviours(),
        directory::behaviours(),
        extend::behaviours(),
        config::behaviours(),
        build::behaviours(),
        given_path::behaviours(),
        modified::behaviours(),
        history::behaviours(),
        race::behaviours(),
        takeover::behaviours(),
        resume::behaviours(),
        tail::behaviours(),
        recovery::behaviours(),
        compare::behaviours(),
        tree::behaviours(),
        convert::behaviours(),
        maintenance::behaviours(),
        tending::behaviours(),
        fault::behaviours(),
        given_up::behaviours(),
        error::behaviours(),
        limit::behaviours(),
        refusal::behaviours(),
        cost::behaviours(),
        random::behaviours(),
    ]
    .concat()
}

/// What nearly every area uses.
mod prelude {
    pub(super) use crate::{
        Checked, Failure, Subject,
        behaviour::behaviours,
        failure::{ensure, ensure_eq},
        place::{Place, at, shape, spec},
        samples,
        snapshot::{Bits, Node, refused},
    };
    pub(super) use bytes::Bytes;
    pub(super) use fascicle_backend::{
        ArrayOptions, Attributes, Capability, DType, EntryKind, EntryPath, Error, ErrorKind, FileOptions,
        MetaWriteMode, Region, Result, ScanOptions, TableOptions, Values, WriteMode,
    };
    pub(super) use std::sync::Arc;
}
