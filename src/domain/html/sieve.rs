//! HTML before the parser: one linear pass that takes out what makes tree building slow or dangerous.
//!
//! Script, style and comments never reach the tree; JSON-LD is collected on the way. A tag with a
//! flood of attributes loses them, since html5ever compares every attribute with all before it.

/// More attributes than this on one tag and the tag is passed on bare.
const MAX_ATTRIBUTES: usize = 50;
/// More attributes than this on one page and the tags after them are passed on bare.
const MAX_ATTRIBUTES_PAGE: usize = 200_000;
/// More JSON-LD than this on one page is left unread.
const MAX_DATA: usize = 1 << 20;
/// Elements whose content is text to a browser, whatever it looks like.
const RAW: [&str; 8] = ["script", "style", "textarea", "iframe", "noembed", "noframes", "xmp", "object"];
/// Tags that would switch the parser into a mode which drops or swallows all that follows.
const LEFT_OUT: [&str; 3] = ["plaintext", "frameset", "frame"];

/// What is left of a page for the parser, and what was put aside.
#[derive(Debug, Default)]
pub(in crate::domain) struct Sieved {
    /// Markup without scripts, styles and comments.
    pub html: String,
    /// The texts of `application/ld+json` scripts.
    pub data: Vec<String>,
    /// Bytes of script that were left out.
    pub script_bytes: usize,
    attributes: usize,
    /// Closing marks that were looked for once and do not come any more: looking again for each of a
    /// hundred thousand opening ones would read the page as often.
    never: Vec<&'static str>,
}

/// Takes a page apart into markup and structured data.
pub(in crate::domain) fn sieve(source: &str) -> Sieved {
    let mut out = Sieved { html: String::with_capacity(source.len()), ..Sieved::default() };
    let mut rest = source;
    while let Some(at) = rest.find('<') {
        push_text(&mut out.html, &rest[..at]);
        rest = markup(&rest[at..], &mut out);
    }
    push_text(&mut out.html, rest);
    out
}

fn push_text(html: &mut String, text: &str) {
    html.extend(text.split('\0'));
}

/// Deals with what starts at the `<` that `rest` begins with; returns what follows it.
fn markup<'a>(rest: &'a str, out: &mut Sieved) -> &'a str {
    let after = &rest[1..];
    match after.bytes().next() {
        Some(b'!') if after.starts_with("!--") => comment(&after[1..], out),
        Some(b'!') => {
            let end = after.find('>').map_or(after.len(), |end| end + 1);
            if after.get(..8).is_some_and(|name| name.eq_ignore_ascii_case("!doctype")) && end < 300 {
                out.html.push('<');
                out.html.push_str(&after[..end]);
            }
            &after[end..]
        }
        Some(b'?') => after.find('>').map_or("", |end| &after[end + 1..]),
        Some(b'/') if after.as_bytes().get(1).is_some_and(u8::is_ascii_alphabetic) => end_tag(after, out),
        Some(first) if first.is_ascii_alphabetic() => start_tag(rest, out),
        _ => {
            out.html.push_str("&lt;");
            after
        }
    }
}

/// `rest` begins with the two dashes. A comment that is never closed ends at its first `>`: one
/// forgotten `-->` must not take the article with it.
fn comment<'a>(rest: &'a str, out: &mut Sieved) -> &'a str {
    let closed = if out.never.contains(&"-->") { None } else { rest.find("-->") };
    if closed.is_none() && !out.never.contains(&"-->") {
        out.never.push("-->");
    }
    closed.map(|end| end + 3).or_else(|| rest.find('>').map(|end| end + 1)).map_or("", |end| &rest[end..])
}

fn end_tag<'a>(after: &'a str, out: &mut Sieved) -> &'a str {
    let Some(end) = after.find('>') else { return "" };
    let name = tag_name(&after[1..]);
    if !LEFT_OUT.iter().any(|n| n.eq_ignore_ascii_case(name)) {
        out.html.push_str("</");
        out.html.push_str(name);
        out.html.push('>');
    }
    &after[end + 1..]
}

fn start_tag<'a>(rest: &'a str, out: &mut Sieved) -> &'a str {
    let name = tag_name(&rest[1..]);
    let Some((end, attributes)) = tag_end(rest, 1 + name.len()) else { return "" };
    let (tag, after) = rest.split_at(end);
    out.attributes += attributes;
    if LEFT_OUT.iter().any(|n| n.eq_ignore_ascii_case(name)) {
        return after;
    }
    let raw = RAW.iter().find(|n| n.eq_ignore_ascii_case(name));
    if raw.is_none_or(|n| *n != "style") {
        if attributes > MAX_ATTRIBUTES || out.attributes > MAX_ATTRIBUTES_PAGE {
            out.html.push('<');
            out.html.push_str(name);
            out.html.push('>');
        } else {
            push_text(&mut out.html, tag);
        }
    }
    raw.map_or(after, |name| raw_content(name, tag, after, out))
}

/// Leaves out the content of a raw element and closes it.
fn raw_content<'a>(name: &'static str, tag: &str, after: &'a str, out: &mut Sieved) -> &'a str {
    let end = if out.never.contains(&name) { None } else { find_close(after, name) };
    if end.is_none() && !out.never.contains(&name) {
        out.never.push(name);
    }
    // An iframe or object that is never closed has no content worth losing the page for.
    let content = match end {
        Some(end) => &after[..end],
        None if name == "script" || name == "style" => after,
        None => "",
    };
    if name != "style" {
        out.html.push_str("</");
        out.html.push_str(name);
        out.html.push('>');
    }
    if name == "script" {
        let held: usize = out.data.iter().map(String::len).sum();
        if tag.to_ascii_lowercase().contains("ld+json") && held + content.len() <= MAX_DATA {
            out.data.push(content.to_owned());
        } else {
            out.script_bytes += content.len();
        }
    }
    let rest = &after[content.len()..];
    if end.is_some() { rest.find('>').map_or("", |close| &rest[close + 1..]) } else { rest }
}

/// Where `</name` begins, in any case.
fn find_close(text: &str, name: &str) -> Option<usize> {
    let mut from = 0;
    while let Some(at) = text[from..].find("</") {
        let start = from + at;
        let found = text.as_bytes().get(start + 2..start + 2 + name.len());
        if found.is_some_and(|found| found.eq_ignore_ascii_case(name.as_bytes())) {
            return Some(start);
        }
        from = start + 2;
    }
    None
}

fn tag_name(text: &str) -> &str {
    let end = text.find(|c: char| c.is_ascii_whitespace() || c == '/' || c == '>').unwrap_or(text.len());
    &text[..end]
}

/// Where the tag that `rest` begins with ends (after its `>`), and how many attributes it has.
/// Quotes count only where a value begins, as in a browser.
fn tag_end(rest: &str, from: usize) -> Option<(usize, usize)> {
    let bytes = rest.as_bytes();
    let (mut at, mut attributes, mut in_name, mut value_next) = (from, 0, false, false);
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'>' => return Some((at + 1, attributes)),
            b'"' | b'\'' if value_next => {
                at += 1 + bytes[at + 1..].iter().position(|b| *b == byte)?;
                (value_next, in_name) = (false, false);
            }
            b'=' if in_name => (value_next, in_name) = (true, false),
            b if b.is_ascii_whitespace() || b == b'/' && !value_next => in_name = false,
            _ if value_next => {
                // An unquoted value runs to white space or the end of the tag.
                let run = bytes[at..].iter().position(|b| b.is_ascii_whitespace() || *b == b'>')?;
                at += run.max(1) - 1;
                value_next = false;
            }
            _ if !in_name => {
                in_name = true;
                attributes += 1;
            }
            _ => {}
        }
        at += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_styles_and_comments_never_reach_the_parser() {
        let cases = [
            ("<p>a</p>", "<p>a</p>"),
            ("<p>a<!-- <p>b</p> -->c", "<p>ac"),
            ("<p>a<!-->b", "<p>ab"),
            ("a<!-- never closed > b", "a b"),
            ("<script>if (a<b) x('</p>')</script><p>c", "<script></script><p>c"),
            ("<SCRIPT>1</Script >d", "<SCRIPT></script>d"),
            ("<style>p>a{}</style>e", "e"),
            ("<p class=\"a>b\" title='c>d'>f", "<p class=\"a>b\" title='c>d'>f"),
            ("<p a\"b>g", "<p a\"b>g"),
            ("3 < 4 and 5 <6", "3 &lt; 4 and 5 &lt;6"),
            ("<?xml version='1.0'?><!DOCTYPE html><b>h", "<!DOCTYPE html><b>h"),
            ("<plaintext>i", "i"),
            ("x\0y<", "xy&lt;"),
            ("<p title=\"never closed>j", ""),
            ("<iframe src=a>k", "<iframe src=a></iframe>k"),
        ];
        for (source, html) in cases {
            assert_eq!(sieve(source).html, html, "{source:?}");
        }
    }

    #[test]
    fn linked_data_is_put_aside() {
        let out = sieve("<script type='application/ld+json'>{\"a\": \"<b>\"}</script><script>var x</script>");
        assert_eq!((out.data, out.script_bytes), (vec!["{\"a\": \"<b>\"}".to_owned()], 5));
    }

    #[test]
    fn a_flood_of_attributes_is_dropped_with_one_tag() {
        let few = " a=x/y b=\"1\" c".repeat(10);
        assert_eq!(sieve(&format!("<p{few}>q")).html, format!("<p{few}>q"));
        let many = " a='1'".repeat(200);
        assert_eq!(sieve(&format!("<p{many}>q<i>r")).html, "<p>q<i>r");
    }
}
