//! What the class and id of an element say about it.

use crate::domain::html::tree::Page;

/// The words of an element's class and id, lower case.
#[derive(Debug, Default)]
pub(super) struct Names {
    words: Vec<String>,
    /// Class and id as written, lower case.
    whole: String,
}

/// Words that name what is never part of an article.
const CLUTTER: &[&str] = &[
    "ad",
    "ads",
    "adv",
    "adsense",
    "adsbygoogle",
    "advert",
    "advertisement",
    "banner",
    "banners",
    "bio",
    "breadcrumb",
    "breadcrumbs",
    "caption",
    "captions",
    "comment",
    "comments",
    "commentaires",
    "comentarios",
    "komentarze",
    "kommentare",
    "consent",
    "cookie",
    "cookies",
    "copyright",
    "credit",
    "credits",
    "cmp",
    "disclaimer",
    "disqus",
    "footer",
    "gdpr",
    "kategorien",
    "login",
    "menu",
    "modal",
    "mostread",
    "nav",
    "navbar",
    "navi",
    "navigation",
    "newsletter",
    "onetrust",
    "pager",
    "pagination",
    "paginator",
    "partners",
    "paylas",
    "popular",
    "popup",
    "print",
    "promo",
    "promos",
    "promotion",
    "rating",
    "ratings",
    "recirc",
    "reklam",
    "reklama",
    "related",
    "replies",
    "reply",
    "respond",
    "rss",
    "share",
    "sharing",
    "shares",
    "sidebar",
    "signup",
    "sns",
    "social",
    "socials",
    "sponsor",
    "sponsored",
    "subscribe",
    "subscription",
    "tagcloud",
    "taglist",
    "tags",
    "toolbar",
    "tools",
    "topics",
    "trending",
    "vote",
    "werbung",
    "widget",
    "widgets",
    "yorum",
    "yorumlar",
    "hidden",
    "meta",
    "skip",
    "breaking",
    "ticker",
    "aside",
    "byline",
    "dateline",
    "author",
    "authors",
    "timestamp",
    "pubdate",
    "postmeta",
    "poll",
    "teaser",
    "teasers",
];
/// Parts of words that name the same in one long word.
const CLUTTER_PARTS: &[&str] = &[
    "addtoany",
    "addthis",
    "authorbox",
    "breadcrumb",
    "commentlist",
    "commentform",
    "kommentar",
    "copyright",
    "disqus",
    "mostread",
    "most-read",
    "most_read",
    "navigation",
    "newsletter",
    "outbrain",
    "read-also",
    "read-more",
    "readmore",
    "recommend",
    "relatedpost",
    "relatedarticle",
    "related-",
    "-related",
    "relacionad",
    "sharebar",
    "sharebutton",
    "share-",
    "-share",
    "sharedaddy",
    "sidebar",
    "side-bar",
    "social-",
    "socialshare",
    "taboola",
    "tag-list",
    "weiterlesen",
    "read-next",
    "readnext",
    "cookie",
    "polecane",
    "podobne",
    "przeczytaj",
    "czytaj-",
    "author-",
    "-author",
    "post-meta",
    "entry-meta",
    "article-meta",
    "screen-reader",
    "visually-hidden",
    "sr-only",
    "jp-relatedposts",
    "wp-caption-text",
    "slideshow",
    "carousel",
    "gallery",
    "lightbox",
    "sponsor",
];
/// Names of the element that holds the body, and nothing else.
const BODY: &[&str] = &[
    "articlebody",
    "article-body",
    "article_body",
    "article__body",
    "article-content",
    "article__content",
    "article_content",
    "articlecontent",
    "article-text",
    "article_text",
    "article__text",
    "articletext",
    "article-main-body",
    "body-text",
    "bodytext",
    "content__article-body",
    "content-article",
    "detail-content",
    "entry-content",
    "entrycontent",
    "news-content",
    "news-body",
    "news-text",
    "news_text",
    "newstext",
    "news__text",
    "news-detail",
    "post-body",
    "post-content",
    "post__content",
    "post_content",
    "postcontent",
    "post-entry",
    "post__text",
    "single-content",
    "story-body",
    "storybody",
    "story-content",
    "story-text",
    "story__content",
    "story_body",
    "text-block",
    "td-post-content",
    "haber-metni",
    "haber_metni",
    "haber-icerik",
    "haberdetay",
    "texte-article",
    "cuerpo-noticia",
    "materia-conteudo",
    "topic-body__content",
    "article__main",
    "fulltext",
    "js-article-text",
    "article-body-text",
    "c-entry-content",
    "paragraphs",
    "rich-text",
];

impl Names {
    /// Reads class and id of an element.
    pub fn of(page: &Page<'_>, node: usize) -> Self {
        let class = page.attr(node, "class").unwrap_or_default();
        let id = page.attr(node, "id").unwrap_or_default();
        if class.is_empty() && id.is_empty() {
            return Self::default();
        }
        let mut spaced = String::new();
        let mut lower = false;
        for c in class.chars().chain([' ']).chain(id.chars()).take(600) {
            if c.is_uppercase() && lower {
                spaced.push('-');
            }
            lower = c.is_lowercase();
            spaced.push(c);
        }
        let words = spaced
            .split(|c: char| !c.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .map(str::to_lowercase)
            .collect();
        let whole = class
            .split_whitespace()
            .chain(id.split_whitespace())
            .collect::<Vec<_>>()
            .join(" ")
            .to_lowercase();
        Self { words, whole }
    }

    /// One of these words stands in class or id.
    pub fn any(&self, wanted: &[&str]) -> bool {
        self.words.iter().any(|word| wanted.contains(&word.as_str()))
    }

    /// One of these texts stands anywhere in class or id.
    pub fn part(&self, wanted: &[&str]) -> bool {
        !self.whole.is_empty() && wanted.iter().any(|part| self.whole.contains(part))
    }

    /// It names comments.
    pub fn comments(&self) -> bool {
        self.any(&[
            "comment",
            "comments",
            "disqus",
            "respond",
            "replies",
            "commentaires",
            "comentarios",
            "komentarze",
            "kommentare",
            "yorum",
            "yorumlar",
        ]) || self.part(&["commentlist", "kommentar", "comment-list", "livefyre"])
    }

    /// It names something that is never part of an article.
    pub fn clutter(&self) -> bool {
        self.any(CLUTTER) || self.part(CLUTTER_PARTS)
    }

    /// It names a dialog about cookies.
    pub fn consent(&self) -> bool {
        self.any(&[
            "consent",
            "cookie",
            "cookies",
            "cmp",
            "gdpr",
            "onetrust",
            "didomi",
            "cookiebot",
            "usercentrics",
            "privacy",
        ]) || self.part(&["cookie", "consent", "sp_message"])
    }

    /// It names the body of an article.
    pub fn body(&self) -> bool {
        self.whole.split(' ').any(|name| BODY.contains(&name))
    }

    /// What the names are worth to a container: more for article words, less for clutter.
    pub fn worth(&self) -> i64 {
        let good = self.any(&[
            "article", "body", "content", "entry", "main", "page", "post", "text", "blog", "story", "news",
            "artikel", "haber", "xeber",
        ]);
        let bad = self.any(&[
            "comment",
            "comments",
            "contact",
            "foot",
            "footer",
            "footnote",
            "masthead",
            "media",
            "meta",
            "outbrain",
            "promo",
            "related",
            "scroll",
            "share",
            "shoutbox",
            "sidebar",
            "skyscraper",
            "sponsor",
            "shopping",
            "tags",
            "tool",
            "widget",
            "com",
            "banner",
            "hid",
            "list",
            "top",
        ]) || self.part(CLUTTER_PARTS);
        i64::from(good) * 25 - i64::from(bad) * 25
    }
}
