//! One Directory API for scientific data over interchangeable storage.
