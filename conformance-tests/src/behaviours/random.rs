//! Random sequences of operations against a simple model of what a place is.

use super::prelude::*;
use crate::{
    model::Model,
    operation::{Operation, Vocabulary},
    proof::factor,
};

behaviours! { "random"
    /// Random operations on directories, files and metas do what a simple model does.
    entries_follow_the_model [Write];
    /// Random operations on arrays do what a simple model does.
    arrays_follow_the_model [Write, Arrays];
    /// Random operations on tables do what a simple model does.
    tables_follow_the_model [Write, Tables];
    /// Random operations on entries of every kind, which take each other's places, do what a simple model does.
    every_kind_follows_the_model [Write, Arrays, Tables];
    /// Random operations, each through a new handle, do what a simple model does.
    new_handles_follow_the_model [Write, Durable];
}

/// How many operations a case has: few, so that a failure is read at a glance.
const OPERATIONS: usize = 8;

/// Runs cases of random operations, each in a directory of its own, and compares every answer and the outcome.
async fn follow_the_model(subject: Subject, vocabulary: Vocabulary, cases: usize, reopen: bool) -> Checked {
    let mut place = subject.open().await?;
    let vocabulary = vocabulary.offered_by(place.capabilities());
    let mut numbers = subject.random_numbers();
    for case in 0..cases * factor() as usize {
        let dir = format!("case-{case}");
        place.make_dir(&dir).await?;
        let (mut model, mut history) = (Model::new(), Vec::new());
        for _ in 0..OPERATIONS {
            let operation = Operation::random(&mut numbers, &vocabulary);
            history.push(operation.clone());
            if reopen {
                place = subject.open().await?;
            }
            let expected = model.apply(&operation);
            let found = operation.run(&place, &dir).await;
            let agrees = match (&found, &expected) {
                (Ok(found), Ok(expected)) => found == expected,
                (Err(error), Err(reasons)) => reasons.contains(&error.kind()),
                _ => false,
            };
            ensure!(agrees, "case {case}: after {history:?} found {found:?}, expected {expected:?}");
        }
        let found = place.entry(&dir).await?;
        ensure_eq!(found, Some(model.node()), "case {case}: what is there after {history:?}");
    }
    Ok(())
}

async fn entries_follow_the_model(subject: Subject) -> Checked {
    follow_the_model(subject, Vocabulary::entries(), 64, false).await
}

async fn arrays_follow_the_model(subject: Subject) -> Checked {
    follow_the_model(subject, Vocabulary::arrays(), 32, false).await
}

async fn tables_follow_the_model(subject: Subject) -> Checked {
    follow_the_model(subject, Vocabulary::tables(), 32, false).await
}

async fn every_kind_follows_the_model(subject: Subject) -> Checked {
    follow_the_model(subject, Vocabulary::everything(), 64, false).await
}

async fn new_handles_follow_the_model(subject: Subject) -> Checked {
    follow_the_model(subject, Vocabulary::entries(), 16, true).await
}
