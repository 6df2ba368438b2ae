//! The feeds of the demo's outlets in RSS, Atom and JSON Feed.

use std::fmt::Write as _;

use jiff::fmt::rfc2822;
use serde_json::json;

use super::site::Desk;
use super::texts::{Format, Outlet, Piece};

/// The name of the feed's file.
pub(super) fn file_name(format: Format) -> &'static str {
    match format {
        Format::Rss => "rss.xml",
        Format::Atom => "atom.xml",
        Format::Json => "feed.json",
    }
}

/// The name of the format.
pub(super) fn format_name(format: Format) -> &'static str {
    match format {
        Format::Rss => "RSS",
        Format::Atom => "Atom",
        Format::Json => "JSON Feed",
    }
}

/// The media type and the text of an outlet's feed as it stands.
pub(super) fn render(desk: &Desk, outlet: &'static Outlet) -> (&'static str, String) {
    match outlet.format {
        Format::Rss => ("application/rss+xml; charset=utf-8", rss(desk, outlet)),
        Format::Atom => ("application/atom+xml; charset=utf-8", atom(desk, outlet)),
        Format::Json => ("application/feed+json; charset=utf-8", json_feed(desk, outlet)),
    }
}

/// `text` for an XML or HTML text or attribute.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn rss(desk: &Desk, outlet: &'static Outlet) -> String {
    let mut xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <rss version=\"2.0\" xmlns:dc=\"http://purl.org/dc/elements/1.1/\">\n<channel>\n\
         <title>{}</title>\n<link>{}</link>\n<description>{0}</description>\n<language>{}</language>\n",
        escape(outlet.name),
        desk.home_url(outlet.slug),
        outlet.language
    );
    for piece in desk.pieces(outlet) {
        let url = desk.page_url(outlet.slug, piece.slug);
        let date =
            rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&desk.published(piece).calendar());
        let _ = write!(
            xml,
            "<item>\n<title>{}</title>\n<link>{url}</link>\n<guid isPermaLink=\"true\">{url}</guid>\n\
             <pubDate>{}</pubDate>\n<dc:creator>{}</dc:creator>\n<dc:language>{}</dc:language>\n\
             <description>{}</description>\n</item>\n",
            escape(piece.title),
            date.unwrap_or_default(),
            escape(piece.author),
            language(outlet, piece),
            escape(piece.summary)
        );
    }
    xml + "</channel>\n</rss>\n"
}

fn atom(desk: &Desk, outlet: &'static Outlet) -> String {
    let pieces = desk.pieces(outlet);
    let updated = pieces.first().map(|piece| desk.published(piece)).unwrap_or_default();
    let home = desk.home_url(outlet.slug);
    let mut xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<feed xmlns=\"http://www.w3.org/2005/Atom\" xml:lang=\"{}\">\n\
         <title>{}</title>\n<id>{home}</id>\n<link href=\"{home}\"/>\n<updated>{updated}</updated>\n",
        outlet.language,
        escape(outlet.name)
    );
    for piece in pieces {
        let url = desk.page_url(outlet.slug, piece.slug);
        let _ = write!(
            xml,
            "<entry>\n<title>{}</title>\n<id>{url}</id>\n<link rel=\"alternate\" href=\"{url}\"/>\n\
             <published>{published}</published>\n<updated>{published}</updated>\n\
             <author><name>{}</name></author>\n<summary>{}</summary>\n</entry>\n",
            escape(piece.title),
            escape(piece.author),
            escape(piece.summary),
            published = desk.published(piece),
        );
    }
    xml + "</feed>\n"
}

fn json_feed(desk: &Desk, outlet: &'static Outlet) -> String {
    let items: Vec<_> = desk
        .pieces(outlet)
        .into_iter()
        .map(|piece| {
            let url = desk.page_url(outlet.slug, piece.slug);
            json!({
                "id": url,
                "url": url,
                "title": piece.title,
                "summary": piece.summary,
                "date_published": desk.published(piece),
                "authors": [{ "name": piece.author }],
                "language": language(outlet, piece),
            })
        })
        .collect();
    let feed = json!({
        "version": "https://jsonfeed.org/version/1.1",
        "title": outlet.name,
        "home_page_url": desk.home_url(outlet.slug),
        "feed_url": desk.feed_url(outlet),
        "language": outlet.language,
        "items": items,
    });
    format!("{feed:#}\n")
}

fn language(outlet: &Outlet, piece: &Piece) -> &'static str {
    piece.language.unwrap_or(outlet.language)
}
