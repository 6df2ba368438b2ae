//! Composed mails as people read them: subject and plain text.

use mail_parser::MessageParser;
use serde::Serialize;

/// What a mail says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct MailText {
    /// Its subject.
    pub subject: String,
    /// Its text part.
    pub text: String,
}

/// Reads a mail's bytes; what is no mail says nothing.
pub fn read(bytes: &[u8]) -> MailText {
    // A message of nobody's making has no parts, and mail-parser's own accessors count on one.
    let Some(mail) = MessageParser::default().parse(bytes).filter(|mail| !mail.parts.is_empty()) else {
        return MailText::default();
    };
    let text = mail.body_text(0).unwrap_or_default().replace("\r\n", "\n");
    MailText { subject: mail.subject().unwrap_or_default().to_owned(), text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_part_is_read_in_any_encoding() {
        let check = |bytes: &str, subject: &str, text: &str| {
            let expected = MailText { subject: subject.to_owned(), text: text.to_owned() };
            assert_eq!(read(bytes.as_bytes()), expected);
        };
        check(
            "Subject: =?utf-8?B?xZ51?=\r\nContent-Type: text/plain; charset=utf-8\r\n\
             Content-Transfer-Encoding: quoted-printable\r\n\r\nT=C3=BCrk\r\n",
            "Şu",
            "Türk\n",
        );
        check("", "", "");
    }
}
