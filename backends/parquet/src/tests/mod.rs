//! Tests of arrays on a store in memory whose requests are counted and can fail, of what others write, and of many writers.

mod bench;
mod crashes;
mod elements;
mod foreign;
mod hostile;
mod maintenance;
mod overtaken;
mod processes;
mod requests;
