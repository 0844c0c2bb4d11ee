//! Fails calls on purpose, before or after their effect.

use super::{Observer, Operation};
use crate::{Error, ErrorKind, Result};
use std::sync::{Mutex, PoisonError};

/// When a planned fault strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Moment {
    /// The call never reaches the backend.
    BeforeEffect,
    /// The backend does its work and the answer is lost.
    AfterEffect,
}

/// An [`Observer`] that fails the call it was told to, counting from 1.
#[derive(Debug, Default)]
pub struct Faults {
    plan: Mutex<Plan>,
}

#[derive(Debug, Default)]
struct Plan {
    calls: u64,
    fault: Option<(u64, Moment)>,
    only: Option<Operation>,
    fired: Option<(Operation, String)>,
}

impl Faults {
    /// Plans to fail the `number`-th call from now on, counted from 1, and forgets any earlier plan.
    pub fn fail_call(&self, number: u64, moment: Moment) {
        self.set(Plan { fault: Some((number, moment)), ..Plan::default() });
    }

    /// Plans to fail the `number`-th call of one operation from now on, and forgets any earlier plan.
    pub fn fail_call_of(&self, operation: Operation, number: u64, moment: Moment) {
        self.set(Plan { fault: Some((number, moment)), only: Some(operation), ..Plan::default() });
    }

    /// Fails nothing from now on, and counts from zero.
    pub fn clear(&self) {
        self.set(Plan::default());
    }

    /// How many calls there were since the plan was made.
    pub fn calls(&self) -> u64 {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner).calls
    }

    /// The call that was failed, once it was.
    pub fn fired(&self) -> Option<(Operation, String)> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner).fired.clone()
    }

    fn set(&self, plan: Plan) {
        *self.plan.lock().unwrap_or_else(PoisonError::into_inner) = plan;
    }

    fn strike(&self, operation: Operation, path: &str, now: Moment) -> Result<()> {
        let mut plan = self.plan.lock().unwrap_or_else(PoisonError::into_inner);
        if plan.only.is_some_and(|only| only != operation) {
            return Ok(());
        }
        if now == Moment::BeforeEffect {
            plan.calls += 1;
        }
        if plan.fault == Some((plan.calls, now)) && plan.fired.is_none() {
            plan.fired = Some((operation, path.to_owned()));
            return Err(Error::new(ErrorKind::Storage, "a planned fault")
                .caused_by(std::io::Error::other("a planned fault"))
                .during(operation.phrase())
                .at(path));
        }
        Ok(())
    }
}

impl Observer for Faults {
    fn before(&self, operation: Operation, path: &str) -> Result<()> {
        self.strike(operation, path, Moment::BeforeEffect)
    }

    fn after(&self, operation: Operation, path: &str) -> Result<()> {
        self.strike(operation, path, Moment::AfterEffect)
    }
}
