//! Replies of a mail server, split off the bytes it sends.

use std::fmt;

use crate::io::mail::one_line;

/// A whole reply: a code and its lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) code: u16,
    /// The text of each line, clean and without the code.
    pub(super) lines: Vec<String>,
}

/// What no server may send.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Malformed {
    #[error("the server sends what is no SMTP reply: \"{0}\"")]
    NoReply(String),
    #[error("the server's reply has no end within {LONGEST} bytes")]
    TooLong,
}

/// The most bytes of one reply. RFC 5321 knows lines of 512 bytes, and the longest real replies are the
/// thirty or so lines that follow EHLO.
const LONGEST: usize = 16 * 1024;

impl Reply {
    /// Splits the first reply off `raw`; `None` while its end has not come. What follows it stays in `raw`.
    pub(super) fn split_off(raw: &mut Vec<u8>) -> Result<Option<Self>, Malformed> {
        let mut lines = Vec::new();
        let mut first_code = None;
        let mut from = 0;
        while let Some(length) = raw[from..].iter().position(|&b| b == b'\n') {
            let line = &raw[from..from + length];
            from += length + 1;
            let (code, last, text) = parse_line(line).ok_or_else(|| no_reply(line))?;
            if *first_code.get_or_insert(code) != code {
                return Err(no_reply(line));
            }
            lines.push(text);
            if last {
                raw.drain(..from);
                return Ok(Some(Self { code, lines }));
            }
            if from > LONGEST {
                break;
            }
        }
        if raw.len() > LONGEST {
            return Err(Malformed::TooLong);
        }
        // What cannot become a reply is told before its line ends: it may never end.
        let rest = &raw[from..];
        if rest.iter().zip(0..3).all(|(b, _)| b.is_ascii_digit()) { Ok(None) } else { Err(no_reply(rest)) }
    }

    /// The same reply as bytes that lettre reads without fault: its parser knows no code above x5x, panics
    /// on an EHLO line of spaces, refuses an empty first line, and waits for ever for a bare `\n`.
    pub(super) fn for_lettre(&self) -> Vec<u8> {
        let code = if self.code / 10 % 10 > 5 { self.code / 100 * 100 + 50 } else { self.code };
        let mut bytes = Vec::new();
        for (i, line) in self.lines.iter().enumerate() {
            let separator = if i + 1 == self.lines.len() { ' ' } else { '-' };
            let text = if line.is_empty() { "-" } else { line };
            bytes.extend_from_slice(format!("{code}{separator}{text}\r\n").as_bytes());
        }
        bytes
    }

    /// 4xx or 5xx.
    pub(super) fn is_negative(&self) -> bool {
        self.code >= 400
    }

    /// The reply with `secret` blotted out: some servers repeat the command they did not like.
    pub(super) fn without(mut self, secret: &str) -> Self {
        for line in &mut self.lines {
            if !secret.is_empty() && line.contains(secret) {
                *line = line.replace(secret, "…");
            }
        }
        self
    }

    /// Whether the first line begins with an enhanced status code (RFC 3463) of this subject: 7 is security
    /// and policy.
    pub(super) fn has_subject(&self, subject: u8) -> bool {
        let word = self.lines.first().and_then(|line| line.split(' ').next()).unwrap_or_default();
        let mut parts = word.split('.');
        let class = parts.next().and_then(|p| p.parse().ok());
        class == Some(self.code / 100) && parts.next().and_then(|p| p.parse().ok()) == Some(subject)
    }
}

/// One clean line: the code and what the lines say.
impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&one_line(&format!("{} {}", self.code, self.lines.join(" "))))
    }
}

/// Code, whether it is the last line, and the clean text.
fn parse_line(line: &[u8]) -> Option<(u16, bool, String)> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let (code, rest) = line.split_at_checked(3)?;
    let &[b'2'..=b'5', _, _] = code else { return None };
    let code = std::str::from_utf8(code).ok()?.parse().ok()?;
    let (last, text) = match rest {
        [] => (true, rest),
        [b' ', text @ ..] => (true, text),
        [b'-', text @ ..] => (false, text),
        _ => return None,
    };
    Some((code, last, one_line(&String::from_utf8_lossy(text))))
}

fn no_reply(line: &[u8]) -> Malformed {
    const SHOWN: usize = 60;
    Malformed::NoReply(one_line(&String::from_utf8_lossy(&line[..line.len().min(SHOWN)])))
}

/// What a server offers in its reply to EHLO. Keywords are in upper case.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Offers {
    pub(super) start_tls: bool,
    pub(super) smtp_utf8: bool,
    pub(super) eight_bit: bool,
    pub(super) auth: Vec<String>,
}

impl From<&Reply> for Offers {
    fn from(reply: &Reply) -> Self {
        let mut offers = Self::default();
        for line in reply.lines.iter().skip(1) {
            // Old servers write "AUTH=LOGIN".
            let line = line.to_ascii_uppercase().replace('=', " ");
            let mut words = line.split(' ').map(str::to_owned);
            match words.next().as_deref() {
                Some("STARTTLS") => offers.start_tls = true,
                Some("SMTPUTF8") => offers.smtp_utf8 = true,
                Some("8BITMIME") => offers.eight_bit = true,
                Some("AUTH") => offers.auth.extend(words),
                _ => {}
            }
        }
        offers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(raw: &[u8]) -> (Result<Option<String>, String>, Vec<u8>) {
        let mut raw = raw.to_vec();
        let reply = Reply::split_off(&mut raw);
        (reply.map(|r| r.map(|r| r.to_string())).map_err(|e| e.to_string()), raw)
    }

    #[test]
    fn whole_replies_are_split_off() {
        let cases: [(&[u8], Option<&str>, &[u8]); 11] = [
            (b"250 ok\r\n", Some("250 ok"), b""),
            (b"250\r\n", Some("250"), b""),
            (b"250-a\r\n250-\r\n250 b\r\n", Some("250 a b"), b""),
            (b"250 ok\n", Some("250 ok"), b""),
            (b"571 \xff\x1b[0m no\r\n", Some("571 \u{fffd} [0m no"), b""),
            (b"250 one\r\n250 two\r\n", Some("250 one"), b"250 two\r\n"),
            (b"", None, b""),
            (b"25", None, b"25"),
            (b"250 o", None, b"250 o"),
            (b"250-a\r\n", None, b"250-a\r\n"),
            (b"250-a\r\n25", None, b"250-a\r\n25"),
        ];
        for (raw, reply, rest) in cases {
            assert_eq!(split(raw), (Ok(reply.map(str::to_owned)), rest.to_vec()), "{raw:?}");
        }
    }

    #[test]
    fn what_is_no_reply_is_told_at_once() {
        for raw in [
            &b"HTTP/1.1 400 Bad Request\r\n"[..],
            b"HTTP",
            b"\0\x01\x02",
            b"250~ok\r\n",
            b"199 early\r\n",
            b"650 late\r\n",
            b"25\r\n",
            b"\r\n",
            b"250-a\r\n550 b\r\n",
        ] {
            assert!(split(raw).0.is_err(), "{raw:?}");
        }
    }

    #[test]
    fn a_reply_without_end_is_refused() {
        assert_eq!(
            split(&[b"250 ".as_slice(), &[b'x'; LONGEST]].concat()).0,
            Err(Malformed::TooLong.to_string())
        );
        assert_eq!(split(&b"250-x\r\n".repeat(LONGEST)).0, Err(Malformed::TooLong.to_string()));
    }

    #[test]
    fn lettre_gets_what_it_can_read() {
        let cases: [(&[u8], &[u8]); 4] = [
            (b"250-  \r\n250 \xc3\xbc\r\n", "250--\r\n250 ü\r\n".as_bytes()),
            (b"571 no\n", b"551 no\r\n".as_slice()),
            (b"250\r\n", b"250 -\r\n"),
            (b"354 go\r\n", b"354 go\r\n"),
        ];
        for (raw, clean) in cases {
            let reply = Reply::split_off(&mut raw.to_vec()).expect("a reply").expect("a whole one");
            let bytes = reply.for_lettre();
            let text = String::from_utf8(bytes.clone()).expect("UTF-8");
            text.parse::<lettre::transport::smtp::response::Response>().expect("lettre reads it");
            if reply.code != 571 {
                assert_eq!(bytes, clean);
            }
        }
    }

    #[test]
    fn offers_are_read_in_any_case() {
        let raw = b"250-mx STARTTLS\r\n250-starttls\r\n250-Auth plain LOGIN\r\n250-AUTH=XOAUTH2\r\n250 SMTPUTF8\r\n";
        let reply = Reply::split_off(&mut raw.to_vec()).expect("a reply").expect("a whole one");
        let auth = ["PLAIN", "LOGIN", "XOAUTH2"].map(str::to_owned).to_vec();
        assert_eq!(Offers::from(&reply), Offers { start_tls: true, smtp_utf8: true, eight_bit: false, auth });
        assert_eq!(Offers::from(&Reply { code: 250, lines: vec!["STARTTLS".to_owned()] }), Offers::default());
    }

    #[test]
    fn the_subject_of_an_enhanced_code_is_seen() {
        let reply = |line: &str| Reply { code: 550, lines: vec![line.to_owned()] };
        assert!(reply("5.7.1 not allowed").has_subject(7));
        assert!(!reply("5.1.1 unknown").has_subject(7));
        assert!(!reply("4.7.1 odd").has_subject(7));
        assert!(!reply("").has_subject(7));
    }

    #[test]
    fn a_secret_is_blotted_out() {
        let reply = Reply { code: 500, lines: vec!["unknown: AUTH PLAIN AGh1".to_owned()] };
        assert_eq!(reply.without("AGh1").to_string(), "500 unknown: AUTH PLAIN …");
    }
}
