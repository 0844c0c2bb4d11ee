//! Tests of arrays on a store in memory whose requests are counted, and of what others write.

mod append;
mod create;
mod hostile;
mod maintenance;
mod read;
mod store;
