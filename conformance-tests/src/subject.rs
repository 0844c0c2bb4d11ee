//! The backend under test at a site of its own.

use crate::{Failure, Site, place::Place, seed};
use fascicle_backend::{
    Backend,
    wrap::{Observer, observed},
};
use futures::future::BoxFuture;
use std::sync::{Arc, Mutex, PoisonError};

/// Opens the backend under test at a site.
pub(crate) type Open =
    Arc<dyn Fn(Site) -> BoxFuture<'static, Result<Arc<dyn Backend>, Failure>> + Send + Sync>;

/// What a check is given: the backend under test, at a site of the check's own, to be opened as often as it likes.
#[derive(Clone)]
pub struct Subject {
    open: Open,
    site: Site,
    /// All sites of this check.
    sites: Arc<Mutex<Vec<Site>>>,
    behaviour: &'static str,
    seed: u64,
}

impl Subject {
    pub(crate) fn new(open: Open, site: Site, behaviour: &'static str, seed: u64) -> Self {
        let sites = Arc::new(Mutex::new(vec![site.clone()]));
        Subject { open, site, sites, behaviour, seed }
    }

    /// The backend under test at another site, as fresh as the first one was.
    pub(crate) fn elsewhere(&self) -> Result<Subject, Failure> {
        let site = Site::new(self.behaviour)?;
        self.sites.lock().unwrap_or_else(PoisonError::into_inner).push(site.clone());
        Ok(Subject { site, ..self.clone() })
    }

    /// All sites of this check, to be cleaned up after it.
    pub(crate) fn sites(&self) -> Vec<Site> {
        self.sites.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A new handle on the site, behind the checks that every backend is used through.
    pub(crate) async fn open(&self) -> Result<Place, Failure> {
        Ok(Place::over(self.open_bare().await?))
    }

    /// A new handle on the site whose every call `observer` sees.
    pub(crate) async fn open_observed<O: Observer>(&self, observer: Arc<O>) -> Result<Place, Failure> {
        Ok(Place::over(Arc::new(observed(self.open_bare().await?, observer))))
    }

    /// A new handle without the checks, to look at what it declares or to wrap it.
    pub(crate) async fn open_bare(&self) -> Result<Arc<dyn Backend>, Failure> {
        (self.open)(self.site.clone()).await
    }

    /// The random numbers of this behaviour in this run.
    pub(crate) fn random_numbers(&self) -> fastrand::Rng {
        seed::random_numbers(self.seed, self.behaviour)
    }
}
