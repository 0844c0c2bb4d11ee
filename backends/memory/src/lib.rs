//! The strict in-memory backend of fascicle.
