//! Habar polls news feeds, reads the articles behind them, keeps one copy of each story and mails
//! the people who watch for it.

pub mod cli;
pub mod config;
pub mod daemon;
pub mod domain;
pub mod io;
pub mod pipeline;
pub mod time;
