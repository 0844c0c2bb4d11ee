//! Faults in the stamps of metas.

use crate::{
    Case,
    planted::{Fault, Inner},
};
use async_trait::async_trait;
use fascicle_backend::{EntryPath, MetaStamp, Result};
use std::sync::atomic::{AtomicU64, Ordering};

/// Changes the stamps.
struct Stamps(fn(Vec<MetaStamp>) -> Vec<MetaStamp>);

#[async_trait]
impl Fault for Stamps {
    async fn meta_stamps(&self, inner: Inner<'_>, path: &EntryPath) -> Result<Option<Vec<MetaStamp>>> {
        Ok(inner.meta_stamps(path).await?.map(self.0))
    }
}

/// Every look gives other stamps.
struct NeverTheSame(AtomicU64);

#[async_trait]
impl Fault for NeverTheSame {
    async fn meta_stamps(&self, inner: Inner<'_>, path: &EntryPath) -> Result<Option<Vec<MetaStamp>>> {
        let look = self.0.fetch_add(1, Ordering::SeqCst);
        let other = |stamp: MetaStamp| MetaStamp { stamp: stamp.stamp.wrapping_mul(1 << 20) + look, ..stamp };
        Ok(inner.meta_stamps(path).await?.map(|stamps| stamps.into_iter().map(other).collect()))
    }
}

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::new(
            "stamps_never_change",
            || Stamps(|stamps| stamps.into_iter().map(|stamp| MetaStamp { stamp: 7, ..stamp }).collect()),
            &["stamp::a_changed_meta_has_another_stamp"],
        ),
        Case::new(
            "a_stamp_is_left_out",
            || Stamps(|stamps| stamps.into_iter().filter(|stamp| stamp.name != "mine").collect()),
            &["stamp::stamps_are_of_the_directories_that_are_listed"],
        ),
        Case::new(
            "stamps_are_never_the_same",
            || NeverTheSame(AtomicU64::new(1)),
            &["stamp::a_changed_meta_has_another_stamp", "stamp::entries_leave_the_stamp_alone"],
        ),
    ]
}
