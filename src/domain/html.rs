//! HTML as strangers write it: sieved and parsed within bounds, so that no page costs more than its size is worth.

pub(in crate::domain) mod sieve;
pub(in crate::domain) mod tree;
