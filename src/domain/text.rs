//! Text as people read it: markup taken off, what cannot be seen left out, white space squeezed, length bounded.
//!
//! Everything that comes from outside passes here before it is stored, matched, mailed or logged.

use std::borrow::Cow;
use std::sync::LazyLock;

use icu_normalizer::DecomposingNormalizerBorrowed;
use quick_xml::escape::resolve_html5_entity;

/// The plain text of an HTML fragment: entities decoded, blocks on lines of their own, scripts and styles left out.
///
/// Markup that was escaped once too often (`&lt;p&gt;`, `&amp;nbsp;`) is taken off as well. One pass over the
/// fragment without a tree, so that neither depth nor size can hurt.
pub fn from_html(html: &str) -> String {
    let html = without_cdata_marks(html);
    let first = strip(&html, Tags::Remove);
    if !first.tagged {
        return if first.text.contains(['<', '&']) {
            strip(&first.text, Tags::Remove).text
        } else {
            first.text
        };
    }
    if !first.text.contains('&') {
        return first.text;
    }
    let lines: Vec<String> = first.text.lines().map(|line| strip(line, Tags::Keep).text).collect();
    lines.join("\n")
}

/// One line without control characters, bidi overrides and zero-width characters, white space squeezed.
pub fn clean(text: &str) -> String {
    let mut out = Lines::with_capacity(text.len());
    out.text(text);
    out.text
}

/// A text as people remember it: letters and digits in lower case without their marks, a space for the rest.
pub fn remembered(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let folded =
            USUAL.get(c as usize).map_or_else(|| Cow::Owned(fold(c)), |folded| Cow::Borrowed(&folded[..]));
        // One space between words, none before the first.
        let blank = folded == " " && (out.is_empty() || out.ends_with(' '));
        out.push_str(if blank { "" } else { &folded });
    }
    out.truncate(out.trim_end().len());
    out
}

/// The letters of most languages that are watched, folded once: a whole store of titles is gone through.
static USUAL: LazyLock<Vec<String>> = LazyLock::new(|| ('\0'..'\u{600}').map(fold).collect());

fn fold(c: char) -> String {
    let folded: String = NFKD
        .normalize_utf8(c.encode_utf8(&mut [0; 4]).as_bytes())
        .chars()
        .flat_map(char::to_lowercase)
        .filter(|c| !is_mark(*c))
        .map(|c| if c.is_alphanumeric() { c } else { ' ' })
        .collect();
    if folded.trim().is_empty() && !folded.is_empty() { " ".to_owned() } else { folded }
}

const NFKD: DecomposingNormalizerBorrowed<'static> = DecomposingNormalizerBorrowed::new_nfkd();

/// The marks that Latin, Greek and Cyrillic letters come apart into, and the vowels and points of Arabic and Hebrew.
fn is_mark(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{591}'..='\u{5c7}' | '\u{610}'..='\u{61a}' | '\u{64b}'..='\u{65f}' | '\u{670}')
}

/// At most `max_chars` characters, ended at a word where one ends in the second half, with `…` when cut.
pub fn cut(text: &str, max_chars: usize) -> String {
    if text.len() <= max_chars || text.chars().nth(max_chars).is_none() {
        return text.to_owned();
    }
    let Some(room) = max_chars.checked_sub(1) else { return String::new() };
    let end = text.char_indices().nth(room).map_or(text.len(), |(at, _)| at);
    let (head, rest) = text.split_at(end);
    let at_word = if rest.starts_with(char::is_whitespace) {
        head
    } else {
        head.rfind(char::is_whitespace).filter(|at| *at >= head.len() / 2).map_or(head, |at| &head[..at])
    };
    format!("{}…", at_word.trim_end_matches(|c: char| c.is_whitespace() || ",;:-–—(".contains(c)))
}

/// Whether a character has no shape of its own and may not stay in text: controls, direction overrides, fillers.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// A C1 control is a byte of windows-1252 that was taken for a character, as HTML reads `&#150;` for a dash.
fn meant(c: char) -> char {
    match u8::try_from(c) {
        Ok(byte @ 0x80..=0x9f) => {
            let byte = [byte];
            let (text, _) = encoding_rs::WINDOWS_1252.decode_without_bom_handling(&byte);
            text.chars().next().unwrap_or(c)
        }
        _ => c,
    }
}

/// Collects text: squeezes white space, drops what is hidden, and keeps line breaks that are asked for.
#[derive(Default)]
struct Lines {
    text: String,
    gap: Gap,
    joiner: Option<char>,
}

/// What separates the text collected so far from what comes next.
#[derive(Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Gap {
    #[default]
    None,
    Space,
    Line,
}

impl Lines {
    fn with_capacity(bytes: usize) -> Self {
        Self { text: String::with_capacity(bytes), ..Self::default() }
    }

    fn gap(&mut self, gap: Gap) {
        self.gap = self.gap.max(gap);
        self.joiner = None;
    }

    fn text(&mut self, text: &str) {
        for (index, word) in text.split(char::is_whitespace).enumerate() {
            if index > 0 {
                self.gap(Gap::Space);
            }
            if word.bytes().all(|b| b.is_ascii_graphic()) {
                if !word.is_empty() {
                    self.close_gap();
                    self.joiner = None;
                    self.text.push_str(word);
                }
            } else {
                word.chars().for_each(|c| self.visible(c));
            }
        }
    }

    fn visible(&mut self, c: char) {
        let c = meant(c);
        if matches!(c, '\u{200c}' | '\u{200d}') {
            // Persian and the scripts of India need joiners to be read; elsewhere they only hide words from a search.
            let after_letter = self.gap == Gap::None && self.text.chars().next_back().is_some_and(is_joined);
            self.joiner = after_letter.then_some(c);
        } else if !is_hidden(c) {
            self.close_gap();
            if let Some(joiner) = self.joiner.take().filter(|_| is_joined(c)) {
                self.text.push(joiner);
            }
            self.text.push(c);
        }
    }

    fn close_gap(&mut self) {
        if !self.text.is_empty() {
            match self.gap {
                Gap::None => {}
                Gap::Space => self.text.push(' '),
                Gap::Line => self.text.push('\n'),
            }
        }
        self.gap = Gap::None;
    }
}

fn is_joined(c: char) -> bool {
    c.is_alphabetic() || matches!(c, '\u{900}'..='\u{dff}')
}

/// Some feeds escape the marks of a CDATA section together with its text.
fn without_cdata_marks(html: &str) -> Cow<'_, str> {
    if html.contains("<![CDATA[") {
        html.replace("<![CDATA[", "").replace("]]>", "").into()
    } else {
        html.into()
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Tags {
    Remove,
    Keep,
}

struct Stripped {
    text: String,
    tagged: bool,
}

fn strip(html: &str, tags: Tags) -> Stripped {
    let mut out = Lines::with_capacity(html.len());
    let mut tagged = false;
    let mut rest = html;
    while let Some(at) = rest.bytes().position(|b| b == b'<' || b == b'&') {
        out.text(&rest[..at]);
        rest = &rest[at..];
        if rest.starts_with('&') {
            rest = entity(rest, &mut out);
        } else if let Some(tag) = Tag::read(rest).filter(|_| tags == Tags::Remove) {
            tagged = true;
            rest = tag.rest;
            match tag.kind {
                Kind::Block => out.gap(Gap::Line),
                Kind::Cell => out.gap(Gap::Space),
                Kind::Inline => {}
            }
        } else {
            out.text("<");
            rest = &rest[1..];
        }
    }
    out.text(rest);
    Stripped { text: out.text, tagged }
}

/// Writes the character reference that `text` begins with, or its `&` when it is none, and gives what follows.
fn entity<'a>(text: &'a str, out: &mut Lines) -> &'a str {
    let body = &text[1..];
    let length = body.bytes().take(32).take_while(|b| b.is_ascii_alphanumeric() || *b == b'#').count();
    let (name, after) = body.split_at(length);
    let closed = after.strip_prefix(';');
    if let Some(c) = numeric(name) {
        out.text(c.encode_utf8(&mut [0; 4]));
        return closed.unwrap_or(after);
    }
    if let (Some(after), Some(shown)) = (closed, resolve_html5_entity(name)) {
        out.text(shown);
        return after;
    }
    out.text("&");
    body
}

fn numeric(name: &str) -> Option<char> {
    let digits = name.strip_prefix('#')?;
    let code = match digits.strip_prefix(['x', 'X']) {
        Some(hex) => u32::from_str_radix(hex, 16).ok()?,
        None => digits.parse().ok()?,
    };
    match code {
        // Written by programs that take windows-1252 for Unicode; HTML reads them so, too.
        0x80..=0x9f => {
            let byte = [u8::try_from(code).ok()?];
            let (shown, _) = encoding_rs::WINDOWS_1252.decode_without_bom_handling(&byte);
            shown.chars().next()
        }
        _ => char::from_u32(code),
    }
}

/// A tag, comment or declaration at the start of a text.
struct Tag<'a> {
    kind: Kind,
    rest: &'a str,
}

/// What a tag does to the flow of the text around it.
#[derive(Clone, Copy)]
enum Kind {
    Block,
    Cell,
    Inline,
}

impl<'a> Tag<'a> {
    /// None when `text`, which begins with `<`, begins with no tag known to HTML: `a < b`, `Vec<int>`.
    fn read(text: &'a str) -> Option<Self> {
        let body = &text[1..];
        if let Some(comment) = body.strip_prefix("!--") {
            return Some(Self { kind: Kind::Inline, rest: after(comment, "-->") });
        }
        if body.starts_with(['!', '?']) {
            return Some(Self { kind: Kind::Inline, rest: after(body, ">") });
        }
        let closing = body.starts_with('/');
        let named = body.strip_prefix('/').unwrap_or(body);
        let length = named.bytes().take_while(|b| b.is_ascii_alphanumeric() || b"-:".contains(b)).count();
        let name = named[..length].to_ascii_lowercase();
        let kind = kind(&name)?;
        let rest = after_attributes(&named[length..]);
        let skipped = !closing && is_skipped(&name) && !text[..text.len() - rest.len()].ends_with("/>");
        Some(Self { kind, rest: if skipped { after_end_tag(rest, &name) } else { rest } })
    }
}

fn kind(name: &str) -> Option<Kind> {
    Some(match name {
        "address" | "article" | "aside" | "blockquote" | "body" | "br" | "caption" | "center" | "dd"
        | "details" | "dialog" | "dir" | "div" | "dl" | "dt" | "fieldset" | "figcaption" | "figure"
        | "footer" | "form" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "head" | "header" | "hr" | "html"
        | "iframe" | "li" | "main" | "menu" | "nav" | "ol" | "p" | "pre" | "script" | "section" | "style"
        | "summary" | "table" | "tbody" | "template" | "tfoot" | "thead" | "title" | "tr" | "ul" => {
            Kind::Block
        }
        "option" | "td" | "th" => Kind::Cell,
        "a" | "abbr" | "acronym" | "applet" | "area" | "audio" | "b" | "base" | "basefont" | "bdi"
        | "bdo" | "big" | "button" | "canvas" | "cite" | "code" | "col" | "colgroup" | "data"
        | "datalist" | "del" | "dfn" | "em" | "embed" | "font" | "frame" | "frameset" | "i" | "img"
        | "input" | "ins" | "kbd" | "label" | "legend" | "link" | "map" | "mark" | "marquee" | "math"
        | "meta" | "meter" | "nobr" | "noembed" | "noframes" | "noscript" | "object" | "optgroup"
        | "output" | "param" | "picture" | "progress" | "q" | "rp" | "rt" | "ruby" | "s" | "samp"
        | "select" | "small" | "source" | "span" | "strike" | "strong" | "sub" | "sup" | "svg"
        | "textarea" | "time" | "track" | "tt" | "u" | "var" | "video" | "wbr" => Kind::Inline,
        _ if name.starts_with(|c: char| c.is_ascii_lowercase()) && name.contains(['-', ':']) => Kind::Inline,
        _ => return None,
    })
}

/// Elements whose content is not for reading.
fn is_skipped(name: &str) -> bool {
    matches!(
        name,
        "iframe" | "noembed" | "noframes" | "script" | "select" | "style" | "svg" | "template" | "textarea"
    )
}

/// What follows the first `mark`; nothing when it never comes, as in a text that was cut inside a tag.
fn after<'a>(text: &'a str, mark: &str) -> &'a str {
    text.find(mark).map_or("", |at| &text[at + mark.len()..])
}

/// What follows the `>` of a tag, looked for outside quoted values.
fn after_attributes(text: &str) -> &str {
    let mut rest = text;
    while let Some(at) = rest.bytes().position(|b| matches!(b, b'>' | b'"' | b'\'')) {
        let (before, found) = rest.split_at(at);
        rest = &found[1..];
        if found.starts_with('>') {
            return rest;
        }
        // A quote opens a value only after `=`; an unclosed one is taken for a stray mark.
        if before.trim_end().ends_with('=')
            && let Some(end) = rest.find(&found[..1])
        {
            rest = &rest[end + 1..];
        }
    }
    ""
}

fn after_end_tag<'a>(text: &'a str, name: &str) -> &'a str {
    let mut rest = text;
    while let Some(at) = rest.find("</") {
        rest = &rest[at + 2..];
        if rest.get(..name.len()).is_some_and(|found| found.eq_ignore_ascii_case(name)) {
            return after(rest, ">");
        }
    }
    ""
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_remember_of_a_text() {
        for (text, expected) in [
            ("Tokayev backs OTS+ format!", "tokayev backs ots format"),
            ("  \u{ab}Türk Devletleri\u{bb} — TEŞKİLATI ", "turk devletleri teskilati"),
            ("Ёлка и йод", "елка и иод"),
            ("Oʻzbekiston", "oʻzbekiston"),
            ("ﬁn №1 ½", "fin no1 1 2"),
            ("新华社", "新华社"),
            ("…", ""),
        ] {
            assert_eq!(remembered(text), expected, "{text}");
        }
    }

    #[test]
    fn html_becomes_the_text_a_reader_sees() {
        let cases = [
            ("plain text", "plain text"),
            ("  two\n\t words  ", "two words"),
            ("", ""),
            ("<p>One</p><p>Two</p>", "One\nTwo"),
            ("One<br>Two<br/>\nThree", "One\nTwo\nThree"),
            ("a <b>bold</b> word", "a bold word"),
            ("<ul><li>one<li>two</ul>", "one\ntwo"),
            ("<table><tr><td>a</td><td>b</td></tr></table>", "a b"),
            ("before<script>if (a < b) { alert('<p>') }</script>after", "before\nafter"),
            ("<STYLE>p{}</STYLE>text", "text"),
            ("<script>never closed", ""),
            ("x<!-- a > b -->y", "xy"),
            ("<![CDATA[wrapped]]>", "wrapped"),
            ("<a title=\"a > b\" href='x'>link</a>", "link"),
            ("cut inside a tag <a href=\"http://exa", "cut inside a tag"),
            ("Mac'in <b class=x'y>yeri</b>", "Mac'in yeri"),
            ("<o:p>office</o:p> <my-tag>custom</my-tag>", "office custom"),
        ];
        for (html, text) in cases {
            assert_eq!(from_html(html), text, "{html:?}");
        }
    }

    #[test]
    fn entities_are_decoded_and_what_is_none_is_kept() {
        let cases = [
            ("Q&amp;A", "Q&A"),
            ("AT&T and R&D", "AT&T and R&D"),
            ("T&uuml;rk&nbsp;D&#252;nyas&#x131;", "Türk Dünyası"),
            ("&#147;quoted&#148;", "“quoted”"),
            ("&#8217 open", "’ open"),
            ("&bogus; &#xD800; &;", "&bogus; &#xD800; &;"),
            ("&lt;3 and 1 &lt; 2", "<3 and 1 < 2"),
        ];
        for (html, text) in cases {
            assert_eq!(from_html(html), text, "{html:?}");
        }
    }

    #[test]
    fn markup_escaped_once_too_often_is_taken_off() {
        let cases = [
            ("&lt;p&gt;One&lt;/p&gt;&lt;p&gt;Two&lt;/p&gt;", "One\nTwo"),
            ("Q&amp;amp;A", "Q&A"),
            ("<p>Q&amp;amp;A</p><p>two</p>", "Q&A\ntwo"),
            // Between real tags an escaped tag is meant to be seen.
            ("<p>The &lt;b&gt; element</p>", "The <b> element"),
        ];
        for (html, text) in cases {
            assert_eq!(from_html(html), text, "{html:?}");
        }
    }

    #[test]
    fn angle_brackets_that_are_no_tags_stay() {
        for text in ["1 < 2 > 0", "Vec<int>", "<- back", "a <", "<3", "<привет>"] {
            assert_eq!(from_html(text), text);
        }
    }

    #[test]
    fn nothing_hidden_survives() {
        let cases = [
            ("a\u{0}b\u{1b}[31m", "ab[31m"),
            ("evil\u{202e}gpj.exe", "evilgpj.exe"),
            ("OT\u{200b}S sum\u{ad}mit\u{feff}", "OTS summit"),
            ("C1\u{9b}2J", "C1›2J"),
            ("Storyteller \u{96} A\u{81}", "Storyteller – A"),
            ("line\u{2028}and\u{a0}space\r\n", "line and space"),
            ("می\u{200c}خواهم", "می\u{200c}خواهم"),
            ("a\u{200d}\u{200d} b\u{200c}", "a b"),
            ("क्\u{200d}ष", "क्\u{200d}ष"),
            ("👨\u{200d}👩", "👨👩"),
        ];
        for (text, cleaned) in cases {
            assert_eq!(clean(text), cleaned, "{text:?}");
            assert_eq!(from_html(text), cleaned, "{text:?}");
        }
    }

    #[test]
    fn a_cut_ends_at_a_word_and_says_so() {
        let cases = [
            ("short", 10, "short"),
            ("exactly ten", 11, "exactly ten"),
            ("one two three four", 12, "one two…"),
            ("one two three four", 14, "one two three…"),
            ("one two, three", 10, "one two…"),
            ("Donaudampfschifffahrt", 8, "Donauda…"),
            ("Türk Dünyası", 4, "Tür…"),
            ("anything", 1, "…"),
            ("anything", 0, ""),
            ("", 0, ""),
        ];
        for (text, max, expected) in cases {
            let cut = cut(text, max);
            assert_eq!(cut, expected, "{text:?} at {max}");
            assert!(cut.chars().count() <= max);
        }
    }

    #[test]
    fn hostile_markup_is_read_in_one_pass() {
        for piece in ["<div>", "<a b='", "<a b=\"", "&", "<", "<!--", "</", "<script", "&#", "<p \""] {
            let text = piece.repeat(200_000);
            assert!(from_html(&text).len() <= 2 * text.len());
        }
    }
}
