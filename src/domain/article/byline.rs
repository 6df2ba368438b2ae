//! The people who wrote the article.

use super::linked::Linked;
use super::meta::{Tags, foreign};
use super::names::Names;
use crate::domain::html::tree::{Page, squeeze};

/// Names of people: from structured data, else the byline, else the meta tags.
pub(super) fn authors(page: &Page<'_>, tags: &Tags, linked: &Linked, title: &str) -> Vec<String> {
    let site: Vec<String> =
        [tags.first(&["og:site_name", "application-name", "twitter:site"]), linked.publisher.as_deref()]
            .into_iter()
            .flatten()
            .map(|name| name.trim_start_matches('@').to_lowercase())
            .collect();
    let people = |written: &[String]| people(written, &site, title);
    let meta = || {
        let names = [
            "author",
            "article:author",
            "parsely-author",
            "sailthru.author",
            "dc.creator",
            "dcterms.creator",
            "citation_author",
            "byl",
            "authors",
            "article:author_name",
        ];
        names
            .into_iter()
            .map(|name| people(tags.all(name)))
            .find(|found| !found.is_empty())
            .unwrap_or_default()
    };
    let mut found = people(&linked.people);
    for source in [&|| people(&marked(page)), &meta as &dyn Fn() -> Vec<String>, &|| people(&byline(page))] {
        if found.is_empty() {
            found = source();
        }
    }
    found
}

/// Names in markup that is made for them.
fn marked(page: &Page<'_>) -> Vec<String> {
    let relation =
        |node: usize| page.attr(node, "rel").is_some_and(|rel| rel.split_whitespace().any(|r| r == "author"));
    let prop = |node: usize| {
        page.attr(node, "itemprop").is_some_and(|prop| prop.split_whitespace().any(|p| p == "author"))
    };
    let first = collect(page, &prop);
    if first.is_empty() { collect(page, &|node| page.tag(node) == "a" && relation(node)) } else { first }
}

/// Names in a line that is called a byline.
fn byline(page: &Page<'_>) -> Vec<String> {
    let name = |node: usize| {
        Names::of(page, node).part(&[
            "author-name",
            "author__name",
            "author_name",
            "authorname",
            "byline-name",
            "byline__name",
            "byline_name",
            "bylinename",
        ])
    };
    let line = |node: usize| {
        Names::of(page, node)
            .any(&["byline", "author", "authors", "autor", "auteur", "yazar", "writer", "vcard"])
    };
    let first = collect(page, &name);
    if first.is_empty() { collect(page, &line) } else { first }
}

fn collect(page: &Page<'_>, wanted: &dyn Fn(usize) -> bool) -> Vec<String> {
    let mut out = Vec::new();
    let mut end = 0;
    for node in page.elements(0..page.nodes.len()) {
        // A whole box about the author, or the main part of the page, is no name.
        if node < end || page.range(node).len() > 40 || !wanted(node) || foreign(page, node) {
            continue;
        }
        end = page.nodes[node].end;
        let inner = page.elements(page.range(node)).find(|n| page.attr(*n, "itemprop") == Some("name"));
        let text = inner.map_or_else(
            || page.text(node),
            |n| page.attr(n, "content").map_or_else(|| page.text(n), squeeze),
        );
        if (1..120).contains(&text.chars().count()) {
            out.push(text);
        }
        if out.len() >= 8 {
            break;
        }
    }
    out
}

/// Words before a name.
const BEFORE: &[&str] = &[
    "by",
    "words by",
    "written by",
    "posted by",
    "story by",
    "text by",
    "text",
    "reported by",
    "report by",
    "von",
    "par",
    "por",
    "de",
    "di",
    "da",
    "przez",
    "autor",
    "autor:",
    "autorin",
    "auteur",
    "author",
    "author:",
    "authors:",
    "yazan",
    "yazan:",
    "haber:",
    "müəllif",
    "müəllif:",
    "автор",
    "автор:",
    "авторы:",
    "текст:",
    "текст",
    "авторы",
    "автори:",
    "әзірлеген",
    "авторы:",
    "muallif:",
    "نویسنده",
    "نویسنده:",
    "بقلم",
    "记者",
    "記者",
    "作者",
    "作者：",
    "von:",
    "by:",
    "a cura di",
    "do",
    "από",
    "του",
    "της",
    "redakteur",
];
/// Words that no person is called: agencies, desks and roles.
const NOBODY: &[&str] = &[
    "admin",
    "administrator",
    "agence",
    "agencies",
    "agency",
    "agentur",
    "ajans",
    "ajansı",
    "afp",
    "ap",
    "associated",
    "bureau",
    "ani",
    "pti",
    "correspondent",
    "correspondents",
    "desk",
    "dpa",
    "dha",
    "iha",
    "aa",
    "editor",
    "editorial",
    "editors",
    "guest",
    "haber",
    "haberler",
    "haberleri",
    "kolektif",
    "magazine",
    "media",
    "merkezi",
    "network",
    "news",
    "newsroom",
    "newspaper",
    "online",
    "pap",
    "press",
    "redacción",
    "redaccion",
    "redakcja",
    "redaktion",
    "rédaction",
    "redazione",
    "redaksiya",
    "redaksiyası",
    "reuters",
    "servisi",
    "service",
    "sputnik",
    "staff",
    "tass",
    "team",
    "times",
    "trend",
    "tv",
    "unknown",
    "webmaster",
    "wire",
    "writers",
    "contributor",
    "contributors",
    "epd",
    "kna",
    "sid",
    "apa",
    "ots",
    "агентство",
    "редакция",
    "редакції",
    "редакция",
    "тасс",
    "риа",
    "новости",
    "служба",
    "газета",
    "информ",
    "әдебиет",
    "編集部",
    "编辑部",
    "新华社",
    "انا",
    "وكالات",
    "blog",
    "com",
    "www",
    "http",
    "https",
    "posts",
    "view",
    "facebook",
    "twitter",
    "email",
    "follow",
    "company",
    "inc",
    "ltd",
    "gmbh",
    "journal",
    "university",
    "institute",
    "radio",
    "website",
    "user",
    "anonymous",
    "default",
    "zeitung",
    "verlag",
    "post",
    "daily",
    "group",
    "foundation",
    "ministry",
];
/// What follows a name and tells a role.
const ROLES: &[&str] = &[
    "journalist",
    "reporter",
    "correspondent",
    "editor",
    "redakteur",
    "redakteurin",
    "chefredakteur",
    "writer",
    "columnist",
    "freelance",
    "freelancer",
    "author",
    "photographer",
    "producer",
    "contributor",
    "staff writer",
    "auteur",
    "muhabir",
    "журналист",
    "корреспондент",
];

fn people(written: &[String], site: &[String], title: &str) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for written in written {
        for name in split(written) {
            let name = strip(&name);
            let known = out.iter().any(|held| held.to_lowercase() == name.to_lowercase());
            if !known && is_person(&name) && !site.contains(&name.to_lowercase()) && name != title {
                out.push(name);
            }
        }
    }
    out.truncate(6);
    out
}

/// Parts a written list of names; `Last, First` is one.
fn split(written: &str) -> Vec<String> {
    let written = squeeze(written);
    if written.starts_with("http") || written.starts_with('@') {
        return Vec::new();
    }
    let mut parts: Vec<String> = vec![strip(&written)];
    for separator in [
        ";",
        " | ",
        "|",
        "/",
        " & ",
        "&",
        " and ",
        " und ",
        " et ",
        " y ",
        " ve ",
        " və ",
        " və ",
        " и ",
        " және ",
        " va ",
        " i ",
        "、",
        "，",
        " - ",
        " – ",
        " — ",
        " • ",
        " · ",
        "(",
        " in ",
        " aus ",
        ", ",
        ",",
    ] {
        parts = parts
            .iter()
            .flat_map(|part| {
                let pieces: Vec<&str> =
                    part.split(separator).map(str::trim).filter(|p| !p.is_empty()).collect();
                let reversed = separator == ", "
                    && pieces.len() == 2
                    && pieces.iter().all(|p| !p.contains(' ') && is_person_like(p));
                if reversed {
                    vec![format!("{} {}", pieces[1], pieces[0])]
                } else {
                    pieces.into_iter().map(str::to_owned).collect()
                }
            })
            .collect();
    }
    parts
}

fn is_person_like(word: &str) -> bool {
    word.chars().next().is_some_and(char::is_uppercase)
        && !NOBODY.contains(&word.to_lowercase().as_str())
        && !ROLES.contains(&word.to_lowercase().as_str())
}

/// Takes the words before a name and the marks around it away.
fn strip(name: &str) -> String {
    let mut name = name
        .trim()
        .trim_matches(|c: char| {
            matches!(c, ',' | ':' | '.' | '-' | '–' | '—' | '|' | '(' | ')' | '*' | '"' | '，' | '：')
        })
        .trim();
    let mut going = true;
    while going {
        going = false;
        for word in BEFORE {
            // `to_lowercase` may change lengths; only a beginning of the same bytes in the same case fold is taken.
            let Some(start) = name.get(..word.len()) else { continue };
            let rest = &name[word.len()..];
            let dense = word.chars().next().is_some_and(|c| c > '\u{2e80}');
            if start.to_lowercase() == *word
                && (rest.starts_with([' ', ':', '：']) || dense && !rest.is_empty())
            {
                name = rest.trim_start_matches([' ', ':', '：']);
                going = true;
            }
        }
    }
    name.trim().to_owned()
}

/// One to five words, no digits, no address, nothing that only an organisation is called.
fn is_person(name: &str) -> bool {
    let words: Vec<String> = name
        .split(|c: char| c.is_whitespace() || c == '-' || c == '.')
        .filter(|w| !w.is_empty())
        .map(str::to_lowercase)
        .collect();
    let length = name.chars().count();
    (1..=5).contains(&words.len())
        && (2..=60).contains(&length)
        && !name.contains(['@', '/', '_', '{', '<', '?', '!', ':', '['])
        && !name.chars().any(char::is_numeric)
        && name.chars().any(char::is_alphabetic)
        && !words.iter().any(|word| NOBODY.contains(&word.as_str()) || ROLES.contains(&word.as_str()))
        && name.chars().find(|c| c.is_alphabetic()).is_some_and(|c| !c.is_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_names_become_people() {
        let cases: [(&str, &[&str]); 14] = [
            ("By Aylin Demir and Bekzat Omarov", &["Aylin Demir", "Bekzat Omarov"]),
            ("Von Jürgen Groß", &["Jürgen Groß"]),
            ("Автор: Айгуль Сейткали", &["Айгуль Сейткали"]),
            ("Müəllif: Ələkbər Əliyev", &["Ələkbər Əliyev"]),
            ("Demir, Aylin", &["Aylin Demir"]),
            ("Ayşe Yılmaz, Mehmet Öz", &["Ayşe Yılmaz", "Mehmet Öz"]),
            ("作者：王小明", &["王小明"]),
            ("Reuters", &[]),
            ("TASS News Agency", &[]),
            ("https://example.org/me", &[]),
            ("@handle", &[]),
            ("admin", &[]),
            ("River Herald", &[]),
            ("user_77", &[]),
        ];
        for (written, expected) in cases {
            assert_eq!(
                people(&[written.to_owned()], &["river herald".to_owned()], ""),
                expected,
                "{written}"
            );
        }
    }
}
