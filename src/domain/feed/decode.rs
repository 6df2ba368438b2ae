//! Bytes of a feed or page → text, whatever encoding they claim to have.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, ISO_2022_JP, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

/// How far into a document a declaration of its encoding is looked for.
const PRESCAN: usize = 4096;

/// So much is looked at to guess an encoding.
const SAMPLE: usize = 1024 * 1024;

/// Decodes a feed or a page. The first that speaks wins: a byte order mark, the shape of UTF-16, text that is
/// UTF-8 by its bytes, the charset of `content_type`, the XML declaration or `<meta>`, a guess by frequency.
///
/// UTF-8 comes before what is declared since text in another encoding hardly ever passes for it, while servers
/// often declare a charset of theirs for every file. Broken sequences become U+FFFD. Control characters other
/// than tab and line ends are left out.
pub fn decode(body: &[u8], content_type: Option<&str>) -> String {
    let (encoding, bom_length) = encoding(body, content_type);
    let (text, _) = encoding.decode_without_bom_handling(&body[bom_length..]);
    let mut text = text.into_owned();
    if text.bytes().any(|b| is_stray(char::from(b))) && !is_binary(&text) {
        text.retain(|c| !is_stray(c));
    }
    text
}

/// Every other byte is zero: no text, or one in an encoding that nobody named.
fn is_binary(text: &str) -> bool {
    text.len() >= 64 && text.bytes().filter(|b| *b == 0).count() > text.len() / 4
}

fn is_stray(c: char) -> bool {
    c.is_ascii_control() && !matches!(c, '\t' | '\n' | '\r')
}

/// The encoding of `body` and the length of its byte order mark.
fn encoding(body: &[u8], content_type: Option<&str>) -> (&'static Encoding, usize) {
    if let Some(found) = Encoding::for_bom(body) {
        return found;
    }
    let by_http = content_type.and_then(http_charset);
    if let Some(utf16) = utf16_by_shape(body, by_http.is_some_and(is_utf16)) {
        return (utf16, 0);
    }
    let declared = by_http.or_else(|| declared_inside(body));
    // Its bytes are all ASCII, so that it would pass for UTF-8.
    if declared == Some(ISO_2022_JP) && body.contains(&0x1b) {
        return (ISO_2022_JP, 0);
    }
    if is_utf8(body) {
        return (UTF_8, 0);
    }
    let found = match declared {
        // Disproved by the bytes.
        None => guess(body),
        Some(encoding) if encoding == UTF_8 || is_utf16(encoding) => guess(body),
        Some(encoding) => encoding,
    };
    (found, 0)
}

fn is_utf16(encoding: &Encoding) -> bool {
    encoding == UTF_16LE || encoding == UTF_16BE
}

/// UTF-16 without a mark: an XML declaration or a JSON document shows it (XML 1.0, appendix F), or the server
/// says it.
fn utf16_by_shape(body: &[u8], declared: bool) -> Option<&'static Encoding> {
    match body.get(..4)? {
        [b'<', 0, second, 0] if declared || *second == b'?' => Some(UTF_16LE),
        [0, b'<', 0, second] if declared || *second == b'?' => Some(UTF_16BE),
        [b'{', 0, _, 0] => Some(UTF_16LE),
        [0, b'{', 0, _] => Some(UTF_16BE),
        _ => None,
    }
}

/// UTF-8, or UTF-8 with a broken byte here and there: a cut headline must not turn a whole feed into mojibake.
fn is_utf8(body: &[u8]) -> bool {
    let (mut good, mut bad) = (0_usize, 0_usize);
    for chunk in body.utf8_chunks() {
        if chunk.invalid().is_empty() && bad == 0 {
            return true;
        }
        good += chunk.valid().bytes().filter(|b| *b >= 0xc0).count();
        bad += usize::from(!chunk.invalid().is_empty());
    }
    good >= 10 * bad
}

fn http_charset(content_type: &str) -> Option<&'static Encoding> {
    charset_after(content_type.as_bytes(), b"charset")
}

/// What the XML declaration or a `<meta>` says.
fn declared_inside(body: &[u8]) -> Option<&'static Encoding> {
    let head = &body[..body.len().min(PRESCAN)];
    if let Some(start) = find(head, b"<?xml") {
        let end = find(&head[start..], b"?>").map_or(head.len(), |length| start + length);
        if let Some(encoding) = charset_after(&head[start..end], b"encoding") {
            return Some(encoding);
        }
    }
    let mut rest = head;
    while let Some(start) = find(rest, b"<meta") {
        rest = &rest[start + 5..];
        let tag = &rest[..rest.iter().position(|b| *b == b'>').unwrap_or(rest.len())];
        if let Some(encoding) = charset_after(tag, b"charset") {
            return Some(encoding);
        }
    }
    None
}

/// The encoding named after `key`, `=` and an optional quote.
fn charset_after(text: &[u8], key: &[u8]) -> Option<&'static Encoding> {
    let value =
        text[find(text, key)? + key.len()..].trim_ascii_start().strip_prefix(b"=")?.trim_ascii_start();
    let value = value.strip_prefix(b"\"").or_else(|| value.strip_prefix(b"'")).unwrap_or(value);
    let length = value.iter().take_while(|b| b.is_ascii_alphanumeric() || b"-_.:".contains(b)).count();
    Encoding::for_label(&value[..length])
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window.eq_ignore_ascii_case(what))
}

/// Never UTF-8, which the caller has ruled out.
fn guess(body: &[u8]) -> &'static Encoding {
    if body.is_ascii() {
        return WINDOWS_1252;
    }
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    let telling = body.iter().position(|b| !b.is_ascii()).unwrap_or(0);
    let sample = &body[telling.saturating_sub(SAMPLE / 8)..];
    detector.feed(&sample[..sample.len().min(SAMPLE)], true);
    detector.guess(None, Utf8Detection::Deny)
}

#[cfg(test)]
mod tests {
    use super::*;
    use encoding_rs::{GBK, SHIFT_JIS, WINDOWS_1251, WINDOWS_1254};

    const RUSSIAN: &str =
        "Саммит Организации тюркских государств прошёл в Габале, сообщили в среду в столице";
    const TURKISH: &str =
        "Türk Devletleri Teşkilatı zirvesi bugün başladı; bakanlar İstanbul'da görüştü, ağırlandı";

    fn check(body: &[u8], content_type: Option<&str>, expected: &str) {
        let text = decode(body, content_type);
        assert!(text.contains(expected), "{expected:?} is not in {text:?}");
    }

    fn xml(label: &str, text: &str) -> String {
        format!("<?xml version=\"1.0\" encoding=\"{label}\"?><a>{text}</a>")
    }

    #[test]
    fn declared_encodings_are_followed() {
        check(&WINDOWS_1251.encode(&xml("windows-1251", RUSSIAN)).0, None, RUSSIAN);
        check(&WINDOWS_1254.encode(&xml("iso-8859-9", TURKISH)).0, None, TURKISH);
        check(&WINDOWS_1251.encode(RUSSIAN).0, Some("text/xml; charset=\"Windows-1251\""), RUSSIAN);
        check(&SHIFT_JIS.encode(&xml("Shift_JIS", "首脳会議が開かれた")).0, None, "首脳会議が開かれた");
        check(&GBK.encode(&xml("gb2312", "突厥国家组织峰会")).0, None, "突厥国家组织峰会");
        check(&ISO_2022_JP.encode(&xml("iso-2022-jp", "首脳会議")).0, None, "首脳会議");
        let page = format!(
            "<html><head><meta name=x><META http-equiv=Content-Type content='text/html; charset=windows-1251'>{RUSSIAN}"
        );
        check(&WINDOWS_1251.encode(&page).0, Some("text/html"), RUSSIAN);
    }

    #[test]
    fn http_comes_before_the_document() {
        check(
            &WINDOWS_1251.encode(&xml("koi8-r", RUSSIAN)).0,
            Some("text/xml; charset=windows-1251"),
            RUSSIAN,
        );
    }

    #[test]
    fn utf8_is_recognised_under_any_label() {
        check(xml("windows-1251", RUSSIAN).as_bytes(), None, RUSSIAN);
        check(xml("utf-16", RUSSIAN).as_bytes(), None, RUSSIAN);
        check(xml("nonsense", TURKISH).as_bytes(), Some("text/xml; charset=iso-8859-1"), TURKISH);
        check(TURKISH.as_bytes(), None, TURKISH);
    }

    #[test]
    fn one_broken_byte_does_not_spoil_utf8() {
        let mut body = xml("utf-8", RUSSIAN).into_bytes();
        body.extend_from_slice(b"cut \xd0 here");
        check(&body, None, RUSSIAN);
        check(&body, Some("text/xml; charset=windows-1251"), "cut \u{fffd} here");
    }

    #[test]
    fn a_label_the_bytes_disprove_is_replaced_by_a_guess() {
        check(&WINDOWS_1251.encode(&xml("utf-8", RUSSIAN)).0, None, RUSSIAN);
        check(&WINDOWS_1251.encode(RUSSIAN).0, None, RUSSIAN);
        check(&WINDOWS_1254.encode(TURKISH).0, None, "Teşkilatı");
    }

    #[test]
    fn utf16_with_and_without_a_mark() {
        let text = xml("utf-16", TURKISH);
        let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        check(&little, None, TURKISH);
        check(&big, None, TURKISH);
        check(&[b"\xff\xfe".as_slice(), &little].concat(), None, TURKISH);
        check(&[b"\xfe\xff".as_slice(), &big].concat(), Some("text/xml; charset=utf-8"), TURKISH);
    }

    #[test]
    fn marks_and_control_characters_are_left_out() {
        assert_eq!(decode(b"\xef\xbb\xbfa\0b\x1b\x7f\tc\r\n", None), "ab\tc\r\n");
        assert_eq!(decode(b"", None), "");
        assert_eq!(decode(b"\xff", Some("; charset=")), "\u{ff}");
    }
}
