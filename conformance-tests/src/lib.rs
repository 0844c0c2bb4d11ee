//! The conformance suite that every fascicle backend is held to.
