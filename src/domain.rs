//! What Habar knows without asking anybody: pure and synchronous, over data that is handed in.
//!
//! No socket, store, clock or random number is named below here; `now` and ids are arguments.

pub mod address;
pub mod article;
pub mod calendar;
pub mod digest;
pub mod discovery;
pub mod feed;
pub mod health;
pub mod html;
pub mod opml;
pub mod schedule;
pub mod scope;
pub mod story;
pub mod text;
pub mod watch;
