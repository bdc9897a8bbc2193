//! Training by feedback: against lfprop and torch, and what a trained file must be.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod command;
mod cost;
mod parity;
mod steps;
