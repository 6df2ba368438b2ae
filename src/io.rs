//! The adapters to the outside: the web, mail and the store. They never know each other.

pub mod http;
pub mod mail;
pub mod secret;
pub mod store;
pub mod tls;
