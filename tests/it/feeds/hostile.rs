//! Documents that were made to cost their reader more than they cost their sender.

/// What stands in them, over and over.
const IN_A_CHANNEL: [&str; 22] = [
    "<item/>",
    "<item>",
    "<item><entry>",
    "<item><title>a</title></item>",
    "<a>",
    "<a/>",
    "</x>",
    "<author/>",
    "<author>",
    "<name/>",
    "<title/>",
    "<link>a</link>",
    "<language>en</language>",
    "<a xmlns:q='u'/>",
    "<a xml:base='http://a.b/'/>",
    "<!---->",
    "<!--",
    "<?a?>",
    "<?",
    "<!DOCTYPE [>",
    "<!",
    "<!a>",
];

const IN_A_TITLE: [&str; 28] = [
    "word ",
    "&amp;",
    "&nbsp;",
    "&#38;#38;",
    "&amp;lt;",
    "&lt;b&gt;",
    "&lt;script&gt;",
    "&x;",
    "&x",
    "&",
    "<",
    "<1",
    "<1\"",
    "<>",
    "< a>",
    "<a>",
    "<title>",
    "</title",
    "</x>",
    "<item>",
    "<![CDATA[",
    "<![CDATA[a]]>",
    "<![CDATA[<a b=\"]]>",
    "<![CDATA[<svg></s]]>",
    "]]>",
    "<link>a</link>",
    "<author>a</author>",
    "\u{1}",
];

const IN_JSON: [(&str, &str, &str); 9] = [
    ("[", "", ""),
    ("{\"a\":", "", ""),
    (VERSION, ",\"x\":[0", ",0"),
    (VERSION, ",\"items\":[{}", ",{}"),
    (VERSION, ",\"items\":[{\"id\":1,\"authors\":[{}", ",{\"name\":\"a\"}"),
    (VERSION, ",\"items\":[{\"id\":1,\"title\":\"", "word "),
    (VERSION, ",\"items\":[{\"id\":1,\"title\":\"", "\\u00e9"),
    (VERSION, ",\"items\":[{\"id\":1,\"x\":", "["),
    (VERSION, ",\"items\":[{\"id\":1", ",\"k\":1"),
];

const VERSION: &str = "{\"version\":\"https://jsonfeed.org/version/1.1\"";

/// Documents of so many bytes, each with what is odd in it.
pub fn documents(bytes: usize) -> Vec<(String, Vec<u8>)> {
    let fill = |piece: &str| piece.repeat(bytes / piece.len());
    let rss = |inner: &str| format!("<rss version=\"2.0\"><channel><title>T</title>{inner}</channel></rss>");
    let deep = "<b>".repeat(250);
    let mut all: Vec<(String, Vec<u8>)> = Vec::new();
    let mut add = |name: &str, body: String| all.push((name.to_owned(), body.into_bytes()));
    for piece in IN_A_CHANNEL {
        add(&format!("{piece} in a channel"), rss(&fill(piece)));
        add(&format!("{piece} in an entry"), rss(&format!("<item>{}</item>", fill(piece))));
        add(&format!("{piece} far inside"), rss(&format!("{deep}{}", fill(piece))));
    }
    for piece in IN_A_TITLE {
        add(&format!("{piece} in a title"), rss(&format!("<item><title>{}</title></item>", fill(piece))));
        add(&format!("{piece} in a title, then a bracket"), rss(&format!("<item><title>{}\">", fill(piece))));
        let broken_off = format!("<rss version=\"2.0\"><channel>{deep}<item><title>{}", fill(piece));
        add(&format!("{piece} to the end, far inside"), broken_off);
    }
    for (start, middle, piece) in IN_JSON {
        add(
            &format!("{start}{middle}{piece} in JSON"),
            format!("{start}{middle}{}", fill(if piece.is_empty() { start } else { piece })),
        );
    }
    let item = "<item><title>t</title></item>";
    add("attributes", rss(&format!("<item{}><title>t</title></item>", fill(" a='1'"))));
    add(
        "namespaces",
        format!("<rss version=\"2.0\"{}><channel>{item}</channel></rss>", fill(" xmlns:q='u'")),
    );
    add("entities that are declared", format!("<!DOCTYPE x [{}]>{}", fill("<!ENTITY a \"b\">"), rss(item)));
    add("a document type that never ends", format!("<!DOCTYPE x [{}", fill("<!ENTITY a \"b\">")));
    add("a long guid", rss(&format!("<item><guid>{}</guid></item>", fill("g"))));
    add("a long link", rss(&format!("<item><link>http://a/{}</link></item>", fill("g"))));
    add("a long name", rss(&format!("<{}>", fill("g"))));
    for (name, byte) in
        [("zeros", 0), ("spaces", b' '), ("bytes of no encoding", 0xe4), ("broken UTF-8", 0xff)]
    {
        all.push((name.to_owned(), vec![byte; bytes]));
    }
    all
}
