//! Content codings, undone under a cap and with the mistakes that servers make.

use std::io::{self, Read};

use flate2::bufread::{DeflateDecoder, GzDecoder, ZlibDecoder};

use super::Failure;

/// Codings one upon the other that are undone; more is no feed.
const DEEPEST: usize = 3;

/// Members of one gzip file; each costs a decoder, however little is in it.
const MOST_MEMBERS: usize = 4096;

const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Whether [`decode`] would have any work with this body.
pub(super) fn is_encoded(body: &[u8], codings: &[String]) -> bool {
    !body.is_empty() && (!codings.is_empty() || body.starts_with(&GZIP))
}

/// Undoes `codings`, given in the order the server applied them, and gzip that nobody announced. At most
/// `limit` bytes come out; what has more is too large, or is cut there if `cut` says so.
pub(super) fn decode(
    mut body: Vec<u8>,
    codings: &[String],
    limit: usize,
    cut: bool,
) -> Result<Vec<u8>, Failure> {
    if codings.len() > DEEPEST {
        return Err(Failure::BadBody(format!("{} codings one upon the other", codings.len())));
    }
    let bound = Bound { limit, cut };
    let mut undone = 0;
    for coding in codings.iter().rev() {
        body = undo(body, coding, bound)?;
        undone += 1;
    }
    while undone < DEEPEST && body.starts_with(&GZIP) {
        body = gunzip(&body, bound)?;
        undone += 1;
    }
    Ok(body)
}

/// Undoes gzip that nobody announced, as it is undone in every answer: for a body that was kept in a file.
pub fn unpack(body: Vec<u8>, limit: usize) -> Result<Vec<u8>, Failure> {
    decode(body, &[], limit, false)
}

/// How much may come out of a decoder.
#[derive(Clone, Copy)]
struct Bound {
    limit: usize,
    cut: bool,
}

fn undo(body: Vec<u8>, coding: &str, bound: Bound) -> Result<Vec<u8>, Failure> {
    let decoded = match coding {
        _ if body.is_empty() => return Ok(body),
        "gzip" | "x-gzip" if body.starts_with(&GZIP) => return gunzip(&body, bound),
        "deflate" if is_zlib(&body) => bound.drain(ZlibDecoder::new(body.as_slice())),
        "deflate" => bound.drain(DeflateDecoder::new(body.as_slice())),
        "br" if is_large_window(&body) => {
            Err(Failure::BadBody("its window is larger than allowed".to_owned()))
        }
        "br" => bound.drain(brotli_decompressor::Decompressor::new(body.as_slice(), 4096)),
        "zstd" | "compress" | "x-compress" | "dcb" | "dcz" => {
            return Err(Failure::BadBody(format!("the server sent {coding}, which was not asked for")));
        }
        // A label such as `utf-8` or `none`, or gzip on what a proxy has already unpacked.
        _ => return Ok(body),
    };
    match decoded {
        // Plain text or gzip under a wrong label.
        Err(Failure::BadBody(_)) if looks_plain(&body) => Ok(body),
        Err(Failure::BadBody(_)) if body.starts_with(&GZIP) => gunzip(&body, bound),
        Err(Failure::BadBody(reason)) => Err(bad(coding, &reason)),
        other => other,
    }
}

/// All members of a gzip file; whatever follows the last is padding.
fn gunzip(body: &[u8], bound: Bound) -> Result<Vec<u8>, Failure> {
    let mut rest = body;
    let mut out = Vec::new();
    let mut members = 0;
    while rest.starts_with(&GZIP) && !(bound.cut && out.len() >= bound.limit) {
        if members == MOST_MEMBERS {
            return Err(bad("gzip", &format!("more than {MOST_MEMBERS} members")));
        }
        members += 1;
        let left = Bound { limit: bound.limit.saturating_sub(out.len()), ..bound };
        let mut member = GzDecoder::new(rest);
        let decoded = match left.drain(&mut member) {
            Err(Failure::TooLarge { .. }) => return Err(bound.too_large()),
            Err(Failure::BadBody(reason)) => return Err(bad("gzip", &reason)),
            other => other?,
        };
        if out.is_empty() {
            out = decoded;
        } else {
            out.extend_from_slice(&decoded);
        }
        rest = member.into_inner();
    }
    Ok(out)
}

impl Bound {
    fn drain(self, decoder: impl Read) -> Result<Vec<u8>, Failure> {
        let mut out = Vec::new();
        let most = u64::try_from(self.limit).unwrap_or(u64::MAX);
        let mut capped = decoder.take(most.saturating_add(1));
        capped.read_to_end(&mut out).map_err(|e| Failure::BadBody(reason(&e)))?;
        if out.len() > self.limit {
            if !self.cut {
                return Err(self.too_large());
            }
            out.truncate(self.limit);
        }
        Ok(out)
    }

    fn too_large(self) -> Failure {
        Failure::TooLarge { limit: u64::try_from(self.limit).unwrap_or(u64::MAX) }
    }
}

fn bad(coding: &str, reason: &str) -> Failure {
    Failure::BadBody(format!("{coding}: {reason}"))
}

fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => "it is cut off".to_owned(),
        _ => error.to_string().to_ascii_lowercase(),
    }
}

/// The two bytes that begin a zlib stream; servers send raw deflate under the same name.
fn is_zlib(body: &[u8]) -> bool {
    matches!(body, [a, b, ..] if a & 0x0f == 8 && (u16::from(*a) << 8 | u16::from(*b)) % 31 == 0)
}

/// Not in RFC 7932: a window of up to a gigabyte, which the decoder would set aside at once.
fn is_large_window(body: &[u8]) -> bool {
    body.first().is_some_and(|byte| byte & 0x7f == 0x11)
}

/// Markup or JSON in an encoding that begins with ASCII or a byte order mark.
fn looks_plain(body: &[u8]) -> bool {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    matches!(body.trim_ascii_start().first(), Some(b'<' | b'{' | b'['))
}

#[cfg(test)]
mod tests;
