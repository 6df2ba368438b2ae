//! Alerts become mail: when they may be mailed, and the mail itself.
//!
//! [`mod@release`] answers *when* from a delivery rule, a time zone and quiet hours; [`mail`] turns the
//! open alerts of one subscription into the final bytes of one message. Both are pure: the same
//! letter gives the same bytes, so a mail that goes again after a crash is the mail that went before.

mod header;
mod language;
pub mod mail;
pub mod release;
mod template;
mod view;
mod wrap;

pub use mail::{
    Later, Letter, Mail, MailError, Mark, Notice, NoticeLine, Outlet, Told, compose, notice, test_mail,
};
pub use release::{BadQuiet, BadRule, Quiet, Rule, Timing, release};
