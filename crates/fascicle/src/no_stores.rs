//! Stands for `stores` in a build without object stores: no place is one.

use crate::{Marker, Place};
use fascicle_core::config::Map;
use fascicle_core::{EntryPath, Result};
use std::convert::Infallible;

pub(crate) struct StoreRoot(Infallible);

impl StoreRoot {
    pub(crate) fn at(_: &Place, _: &Map) -> Result<Option<Self>> {
        Ok(None)
    }

    pub(crate) async fn marker(&self) -> Result<Option<Marker>> {
        match self.0 {}
    }

    pub(crate) async fn record(&self, _: &Marker) -> Result<Marker> {
        match self.0 {}
    }
}

pub(crate) async fn find_root(_: &Place, _: &Map) -> Result<Option<(String, EntryPath)>> {
    Ok(None)
}

pub(crate) fn is_connection_option(_: &Place, _: &str) -> bool {
    false
}
