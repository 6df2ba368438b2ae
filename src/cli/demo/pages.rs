//! The HTML of the demo's outlets: the article, and around it what every site puts around it.

use std::fmt::Write as _;

use super::feeds::escape;
use super::site::Desk;
use super::texts::{Outlet, Piece};

/// The page of an article.
pub(super) fn article(desk: &Desk, outlet: &'static Outlet, piece: &Piece) -> String {
    let published = desk.published(piece);
    let language = piece.language.unwrap_or(outlet.language);
    let (title, author, summary) = (escape(piece.title), escape(piece.author), escape(piece.summary));
    let text: String = piece.paragraphs().iter().fold(String::new(), |mut text, paragraph| {
        let _ = writeln!(text, "        <p>{}</p>", escape(paragraph));
        text
    });
    format!(
        r#"<!doctype html>
<html lang="{language}">
<head>
  <meta charset="utf-8">
  <title>{title} | {name}</title>
  <meta name="description" content="{summary}">
  <meta name="author" content="{author}">
  <meta property="og:type" content="article">
  <meta property="og:title" content="{title}">
  <meta property="og:site_name" content="{name}">
  <meta property="article:published_time" content="{published}">
  <link rel="canonical" href="{canonical}">
  <script>window.counter = {{ page: "{slug}" }};</script>
</head>
<body>
  <header>
    <a class="logo" href="{home}">{name}</a>
    <nav><ul><li><a href="{home}">•</a></li><li><a href="{home}politics">§</a></li><li><a href="{home}sport">*</a></li></ul></nav>
  </header>
  <main>
    <article>
      <h1>{title}</h1>
      <p class="byline"><span rel="author">{author}</span> <time datetime="{published}">{published}</time></p>
      <div class="article-body">
{text}      </div>
    </article>
    <aside class="most-read">
      <h2>{name}</h2>
      <ul>
{others}      </ul>
    </aside>
  </main>
  <footer><p>{name} exists only in <code>habar demo</code>: its people and events are invented.</p></footer>
</body>
</html>
"#,
        name = outlet.name,
        slug = piece.slug,
        home = desk.home_url(outlet.slug),
        canonical = canonical(desk, outlet, piece),
        others = most_read(desk, outlet, piece),
    )
}

fn canonical(desk: &Desk, outlet: &Outlet, piece: &Piece) -> String {
    let (outlet, slug) = piece.canonical.unwrap_or((outlet.slug, piece.slug));
    desk.page_url(outlet, slug)
}

/// Links to the outlet's other articles, as they stand beside every text.
fn most_read(desk: &Desk, outlet: &'static Outlet, piece: &Piece) -> String {
    desk.pieces(outlet).iter().filter(|other| other.slug != piece.slug).fold(
        String::new(),
        |mut list, other| {
            let url = desk.page_url(outlet.slug, other.slug);
            let _ = writeln!(list, "        <li><a href=\"{url}\">{}</a></li>", escape(other.title));
            list
        },
    )
}

/// What a server says that is too busy.
pub(super) fn unavailable(outlet: &Outlet) -> String {
    format!(
        "<!doctype html><title>503</title><h1>503 Service Unavailable</h1><p>{}</p>\n",
        escape(outlet.name)
    )
}
