//! The headline, without the name of the site.

use url::Url;

use super::linked::Linked;
use super::meta::{Tags, foreign};
use crate::domain::html::tree::{Page, squeeze, weight};

/// The headline: the `<h1>` that agrees with what the head says, else what the head says, cut.
pub(super) fn title(page: &Page<'_>, tags: &Tags, linked: &Linked, url: &Url) -> String {
    let head = page.first("title").map(|node| page.text(node)).unwrap_or_default();
    let shared = tags
        .first(&["og:title", "twitter:title", "dc.title", "sailthru.title", "parsely-title"])
        .map(unescape);
    let headline = linked.headline.as_deref().filter(|_| linked.article).map(unescape);
    let told: Vec<String> =
        [headline, shared, Some(head.clone())].into_iter().flatten().filter(|t| !t.is_empty()).collect();
    let heading = heading(page, &told);
    if let Some((heading, true)) = &heading {
        return heading.clone();
    }
    let site = [tags.first(&["og:site_name", "application-name"]), linked.publisher.as_deref()];
    let site: Vec<&str> = site.into_iter().flatten().collect();
    let told = told.first().map(|told| cut(told, &site, url)).filter(|told| !told.is_empty());
    told.or(heading.map(|(heading, _)| heading)).unwrap_or_default()
}

/// Structured data is escaped twice often enough.
fn unescape(text: &str) -> String {
    let mut text = squeeze(text);
    if text.contains('&') {
        for (written, meant) in [
            ("&quot;", "\""),
            ("&#039;", "'"),
            ("&#39;", "'"),
            ("&#8217;", "’"),
            ("&nbsp;", " "),
            ("&laquo;", "«"),
            ("&raquo;", "»"),
            ("&lt;", "<"),
            ("&gt;", ">"),
            ("&amp;", "&"),
        ] {
            text = text.replace(written, meant);
        }
    }
    squeeze(&text)
}

/// The best `<h1>`, or another heading that says exactly what the head says; true when the head agrees with it.
fn heading(page: &Page<'_>, told: &[String]) -> Option<(String, bool)> {
    let of =
        |tag: &'static str| page.elements(0..page.nodes.len()).filter(move |node| page.tag(*node) == tag);
    let texts: Vec<String> = of("h1")
        .filter(|node| !foreign(page, *node))
        .take(20)
        .map(|node| page.text(node))
        .filter(|text| !text.is_empty() && weight(text) < 400)
        .collect();
    let agreement = |text: &str| told.iter().map(|told| overlap(text, told)).max().unwrap_or(0);
    let best = texts.iter().max_by_key(|text| (agreement(text), weight(text)));
    if let Some(best) = best.filter(|text| agreement(text) >= 60 && weight(text) >= 8) {
        return Some((best.clone(), true));
    }
    let mut others = ["h2", "h3"].into_iter().flat_map(of).take(40).map(|node| page.text(node));
    let other =
        others.find(|text| weight(text) >= 15 && told.iter().any(|told| told.starts_with(text.as_str())));
    other.map(|text| (text, true)).or_else(|| best.map(|text| (text.clone(), false)))
}

/// How many of a heading's words the other text has, in percent; by letters in scripts without spaces.
fn overlap(heading: &str, told: &str) -> usize {
    let pieces = |text: &str| -> Vec<String> {
        let words: Vec<String> = text
            .to_lowercase()
            .split(|c: char| !c.is_alphanumeric())
            .filter(|w| !w.is_empty())
            .map(str::to_owned)
            .collect();
        if words.len() <= 3 && weight(text) > 20 {
            text.chars().filter(|c| c.is_alphanumeric()).map(|c| c.to_string()).collect()
        } else {
            words
        }
    };
    let (heading, told) = (pieces(heading), pieces(told));
    let both = heading.iter().filter(|word| told.contains(word)).count();
    let shorter = heading.len().min(told.len()).max(1);
    // A long heading that merely holds the words of a short one, or the other way round, is not the same.
    both * 100 / heading.len().max(1).max(shorter)
}

const SEPARATORS: [&str; 15] =
    [" | ", " - ", " – ", " — ", " :: ", " » ", " « ", " · ", " • ", " * ", " / ", "｜", "|", "_", ": "];

/// Cuts a site's name from one end of a title, and only when it is known to be one.
pub(super) fn cut(title: &str, site: &[&str], url: &Url) -> String {
    let mut title = title.to_owned();
    for _ in 0..2 {
        let Some(shorter) = cut_once(&title, site, url) else { break };
        title = shorter;
    }
    title
}

fn cut_once(title: &str, site: &[&str], url: &Url) -> Option<String> {
    let domain = url.domain().unwrap_or_default().trim_start_matches("www.");
    let label = domain.split('.').rev().nth(1).unwrap_or_default();
    let squash = |text: &str| {
        text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect::<String>()
    };
    let is_site = |part: &str| {
        let part = squash(part);
        let named = site
            .iter()
            .map(|name| squash(name))
            .any(|name| name == part || name.len() > 4 && part.contains(&name));
        named
            || part == squash(domain)
            || part.len() > 3 && part == squash(label)
            || label.len() > 4 && part.contains(&squash(label))
    };
    for separator in SEPARATORS {
        if let Some((rest, last)) = title.rsplit_once(separator) {
            let sure = matches!(separator, " | " | "｜" | " :: " | " » " | " « " | " * ");
            if long_enough(rest)
                && (is_site(last)
                    || sure && last.split_whitespace().count() <= 4 && weight(rest) > weight(last))
            {
                return Some(rest.trim().to_owned());
            }
        }
        if let Some((first, rest)) = title.split_once(separator)
            && long_enough(rest)
            && is_site(first)
        {
            return Some(rest.trim().to_owned());
        }
    }
    None
}

/// Three words, or six letters of a script without spaces: less is no headline.
fn long_enough(rest: &str) -> bool {
    rest.split_whitespace().count() >= 3 || rest.chars().filter(|c| *c > '\u{2e80}').count() >= 6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_name_of_the_site_is_cut() {
        let url = Url::parse("https://www.valleytelegraph.example/x").expect("a URL");
        let cases = [
            ("The court and the canal - Valley Telegraph", "The court and the canal"),
            ("The court and the canal | News | Valley Telegraph", "The court and the canal"),
            ("Valley Telegraph: The court and the canal", "The court and the canal"),
            ("Mahkeme ve kanal - ikinci tur", "Mahkeme ve kanal - ikinci tur"),
            ("Суд и канал: что дальше", "Суд и канал: что дальше"),
            ("两镇之间的新桥周日开通 | 河谷电讯", "两镇之间的新桥周日开通"),
            ("Canal - Valley Telegraph", "Canal - Valley Telegraph"),
        ];
        for (written, expected) in cases {
            assert_eq!(cut(written, &["Valley Telegraph"], &url), expected, "{written}");
        }
    }
}
