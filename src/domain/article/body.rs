//! Finds the text of the article among everything else a page shows.

use std::collections::HashMap;
use std::ops::Range;

use super::blocks::{Block, blocks};
use super::names::Names;
use crate::domain::html::tree::{Page, is_block, lower, weight};

/// What stands on the page.
#[derive(Debug, Default)]
pub(super) struct Body {
    /// The paragraphs of the article.
    pub paragraphs: Vec<String>,
    /// Its weight.
    pub weight: usize,
}

/// Finds the article. Left out first is what is never part of one; when that leaves nothing, a second
/// look takes it back, and at last every paragraph of the page is the text.
pub(super) fn find(page: &Page<'_>, title: &str) -> Body {
    let strict = clutter(page, true);
    let body = best(page, &strict, title);
    if body.weight >= ENOUGH {
        return body;
    }
    let lenient = clutter(page, false);
    let second = best(page, &lenient, title);
    if second.weight > body.weight * 2 + 100 {
        return second;
    }
    if body.weight > 0 {
        return body;
    }
    everything(page, &strict)
}

/// Less reading than this is no article but a remnant of one.
const ENOUGH: usize = 250;
/// A piece of text as long as this is a sentence, not a label.
const PROSE: usize = 60;

/// Marks what is never part of an article. The lenient look keeps headers, footers and asides.
pub(super) fn clutter(page: &Page<'_>, strict: bool) -> Vec<bool> {
    let all = Sums::of(page, &vec![false; page.nodes.len()]);
    let total = all.prose(0..page.nodes.len()).max(1);
    let mut out = vec![false; page.nodes.len()];
    let mut at = 0;
    while at < page.nodes.len() {
        let tag = page.tag(at);
        let share = all.prose(page.range(at)) * 100 / total;
        if !tag.is_empty() && is_clutter(page, at, share, strict) {
            out[at] = true;
            at = page.nodes[at].end;
        } else {
            at += 1;
        }
    }
    out
}

fn is_clutter(page: &Page<'_>, node: usize, share: usize, strict: bool) -> bool {
    match page.tag(node) {
        "head" | "script" | "style" | "noscript" | "template" | "iframe" | "object" | "svg" | "math"
        | "select" | "textarea" | "button" | "nav" | "dialog" | "menu" | "video" | "audio" | "canvas"
        | "title" | "input" | "figcaption" | "search" => return true,
        "html" | "body" | "main" | "h1" => return false,
        "aside" | "footer" | "form" if strict && share < 40 => return true,
        "header" if strict && share < 40 => {
            return !page.ancestors(node).any(|up| matches!(page.tag(up), "article" | "main"));
        }
        _ => {}
    }
    let hidden = page.attr(node, "hidden").is_some()
        || page.attr(node, "style").is_some_and(|style| {
            let style: String = style.chars().filter(|c| !c.is_whitespace()).take(300).collect();
            style.contains("display:none") || style.contains("visibility:hidden")
        });
    if hidden && share < 40 {
        return true;
    }
    if matches!(
        page.attr(node, "role"),
        Some("navigation" | "banner" | "contentinfo" | "complementary" | "dialog" | "search" | "alert")
    ) {
        return share < 40;
    }
    if page.attr(node, "itemprop").is_some_and(|prop| prop.split_whitespace().any(|p| p == "articleBody")) {
        return false;
    }
    // A class on a word or letter says how it looks, not what it is.
    if !is_block(page.tag(node)) && !page.tag(node).contains('-') {
        return false;
    }
    let names = Names::of(page, node);
    if names.comments() && share < 90 && !names.any(&["hentry"]) {
        return true;
    }
    page.tag(node) != "article" && share < 30 && names.clutter() && !names.body()
}

/// Running totals of text, links and commas, so that a range costs nothing to weigh.
#[derive(Debug)]
pub(super) struct Sums {
    text: Vec<usize>,
    link: Vec<usize>,
    prose: Vec<usize>,
    commas: Vec<usize>,
    paragraphs: Vec<usize>,
}

impl Sums {
    /// The totals of a page without what is left out.
    pub fn of(page: &Page<'_>, left_out: &[bool]) -> Self {
        let zeros = || vec![0; page.nodes.len() + 1];
        let mut sums =
            Self { text: zeros(), link: zeros(), prose: zeros(), commas: zeros(), paragraphs: zeros() };
        let mut skip = 0;
        for (at, node) in page.nodes.iter().enumerate() {
            if left_out[at] {
                skip = skip.max(node.end);
            }
            let text = node.text.filter(|_| at >= skip);
            let size = text.map_or(0, |text| weight(text.trim()));
            sums.text[at + 1] = sums.text[at] + size;
            sums.link[at + 1] = sums.link[at] + if node.linked { size } else { 0 };
            sums.prose[at + 1] = sums.prose[at] + if node.linked || size < PROSE { 0 } else { size };
            sums.commas[at + 1] = sums.commas[at] + text.map_or(0, commas);
            sums.paragraphs[at + 1] = sums.paragraphs[at] + usize::from(at >= skip && page.tag(at) == "p");
        }
        sums
    }

    /// Text in a range.
    pub fn text(&self, range: Range<usize>) -> usize {
        self.text[range.end] - self.text[range.start]
    }

    /// Text in a range that reads like sentences.
    fn prose(&self, range: Range<usize>) -> usize {
        self.prose[range.end] - self.prose[range.start]
    }

    fn commas(&self, range: Range<usize>) -> usize {
        self.commas[range.end] - self.commas[range.start]
    }

    fn paragraphs(&self, range: Range<usize>) -> usize {
        self.paragraphs[range.end] - self.paragraphs[range.start]
    }

    /// The share of links in percent.
    pub fn link_share(&self, range: Range<usize>) -> usize {
        (self.link[range.end] - self.link[range.start]) * 100 / self.text(range).max(1)
    }
}

/// Commas and ends of clauses in the scripts of the world.
fn commas(text: &str) -> usize {
    text.chars().filter(|c| matches!(c, ',' | '،' | '、' | '，' | '﹐' | '。' | '؛' | '।' | ';')).count()
}

/// The best article under one choice of what is left out.
fn best(page: &Page<'_>, left_out: &[bool], title: &str) -> Body {
    let sums = Sums::of(page, left_out);
    let all = blocks(page, 0..page.nodes.len(), left_out);
    let dense = dense_places(page, &sums, &all);
    let dense_body = collect(page, &sums, left_out, &dense, title);
    let named = named_places(page, &sums);
    if named.is_empty() {
        return dense_body;
    }
    let named_body = collect(page, &sums, left_out, &named, title);
    // A named body that holds much less than the densest place is a teaser or a widget of that name.
    if named_body.weight >= ENOUGH && named_body.weight * 100 >= dense_body.weight * 55 {
        named_body
    } else {
        dense_body
    }
}

/// Elements that say they hold the article body; the strongest kind of name found decides.
fn named_places(page: &Page<'_>, sums: &Sums) -> Vec<usize> {
    let itemprop = |node: usize| {
        page.attr(node, "itemprop").is_some_and(|p| p.split_whitespace().any(|p| p == "articleBody"))
    };
    let class = |node: usize| is_block(page.tag(node)) && Names::of(page, node).body();
    let kinds: [&dyn Fn(usize) -> bool; 3] = [&itemprop, &class, &|node| page.tag(node) == "article"];
    for (rank, kind) in kinds.iter().enumerate() {
        let mut places: Vec<usize> = Vec::new();
        let mut end = 0;
        for node in page.elements(0..page.nodes.len()) {
            if node >= end && kind(node) && sums.text(page.range(node)) > 0 {
                places.push(node);
                end = page.nodes[node].end;
            }
        }
        let Some(&largest) = places.iter().max_by_key(|node| sums.text(page.range(**node))) else { continue };
        if sums.text(page.range(largest)) < ENOUGH || sums.link_share(page.range(largest)) > 50 {
            continue;
        }
        if rank == 2 {
            return vec![largest];
        }
        // One body is often cut into several elements of one name; teasers of others have their own parents.
        let class = page.attr(largest, "class");
        places.retain(|node| {
            *node == largest
                || page.nodes[*node].parent == page.nodes[largest].parent
                    && page.attr(*node, "class") == class
        });
        return places;
    }
    Vec::new()
}

/// The densest place by the rule of readability: paragraphs give points to the elements around them.
fn dense_places(page: &Page<'_>, sums: &Sums, all: &[Block]) -> Vec<usize> {
    let points = score(page, all);
    let worth = |node: usize, points: i64| {
        points * (100 - i64::try_from(sums.link_share(page.range(node))).unwrap_or(100)) / 100
    };
    let mut ranked: Vec<(usize, i64)> = points.iter().map(|(node, p)| (*node, worth(*node, *p))).collect();
    ranked.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
    let Some(&(top, top_points)) = ranked.first() else { return Vec::new() };
    let mut top = common_ancestor(page, &ranked, top, top_points);
    let mut last = points.get(&top).copied().unwrap_or(top_points);
    let floor = last / 3;
    // More points further up means that paragraphs of the article stand outside of what was chosen.
    for up in page.ancestors(top).collect::<Vec<_>>() {
        let Some(&here) = points.get(&up) else { continue };
        if matches!(page.tag(up), "body" | "html" | "") || here < floor {
            break;
        }
        if here > last {
            top = up;
            break;
        }
        last = here;
    }
    siblings(page, sums, &points, top, top_points)
}

fn score(page: &Page<'_>, all: &[Block]) -> HashMap<usize, i64> {
    let mut points: HashMap<usize, i64> = HashMap::new();
    for block in all.iter().filter(|b| b.weight >= 25 && b.link_share() < 50) {
        let length = i64::try_from(block.weight.min(300)).unwrap_or(300);
        let commas = i64::try_from(commas(&block.text)).unwrap_or(0);
        let gained =
            (100 + 100 * commas + length) * (100 - i64::try_from(block.link_share()).unwrap_or(100)) / 100;
        let inner =
            matches!(page.tag(block.node), "p" | "li" | "h1" | "h2" | "h3" | "h4" | "pre" | "dd" | "dt");
        let around = std::iter::once(block.node).filter(|_| !inner).chain(page.ancestors(block.node));
        for (level, node) in around.take(5).enumerate() {
            if matches!(page.tag(node), "html" | "") {
                break;
            }
            let divider = match level {
                0 => 1,
                1 => 2,
                level => 3 * i64::try_from(level).unwrap_or(1),
            };
            *points.entry(node).or_insert_with(|| 100 * base(page, node)) += gained / divider;
        }
    }
    points
}

fn base(page: &Page<'_>, node: usize) -> i64 {
    let tag = match page.tag(node) {
        "div" | "article" | "section" | "main" => 5,
        "pre" | "td" | "blockquote" => 3,
        "address" | "ol" | "ul" | "dl" | "dd" | "dt" | "li" | "form" => -3,
        "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "th" => -5,
        _ => 0,
    };
    tag + Names::of(page, node).worth()
}

/// When several good places share an ancestor, the article lies in that.
fn common_ancestor(page: &Page<'_>, ranked: &[(usize, i64)], top: usize, top_points: i64) -> usize {
    let rivals: Vec<Vec<usize>> = ranked
        .iter()
        .skip(1)
        .take(4)
        .filter(|(_, points)| *points * 100 >= top_points * 75)
        .map(|(node, _)| page.ancestors(*node).collect())
        .collect();
    if rivals.len() < 3 {
        return top;
    }
    page.ancestors(top)
        .take_while(|up| !matches!(page.tag(*up), "body" | "html" | ""))
        .find(|up| rivals.iter().filter(|ancestors| ancestors.contains(up)).count() >= 3)
        .unwrap_or(top)
}

/// The chosen place with those of its siblings that go on with the text.
fn siblings(
    page: &Page<'_>,
    sums: &Sums,
    points: &HashMap<usize, i64>,
    top: usize,
    top_points: i64,
) -> Vec<usize> {
    let parent = page.nodes[top].parent;
    let threshold = (top_points / 5).max(1000);
    let class = page.attr(top, "class").filter(|class| !class.is_empty());
    let mut out = Vec::new();
    let mut at = parent + 1;
    while at < page.nodes[parent].end {
        let range = page.range(at);
        let share = sums.link_share(range.clone());
        let bonus = if class.is_some() && page.attr(at, "class") == class { top_points / 5 } else { 0 };
        let good = points.get(&at).is_some_and(|p| p + bonus >= threshold);
        let text = sums.text(range.clone());
        let paragraph = page.tag(at) == "p"
            && (text > 80 && share < 25 || text > 0 && share == 0 && sums.commas(range) > 0);
        if at == top || good || paragraph {
            out.push(at);
        }
        at = page.nodes[at].end;
    }
    out
}

/// The paragraphs of the chosen places, pruned.
fn collect(page: &Page<'_>, sums: &Sums, left_out: &[bool], places: &[usize], title: &str) -> Body {
    let mut out = left_out.to_vec();
    let total: usize = places.iter().map(|node| sums.text(page.range(*node))).sum();
    for place in places {
        prune(page, sums, *place, total, &mut out);
    }
    let mut found: Vec<Block> =
        places.iter().flat_map(|node| blocks(page, page.range(*node), &out)).collect();
    trim(page, &mut found, title);
    Body {
        weight: found.iter().map(|b| b.weight).sum(),
        paragraphs: found.into_iter().map(|b| b.text).collect(),
    }
}

/// Leaves out lists of links, forms and other insertions inside the article.
fn prune(page: &Page<'_>, sums: &Sums, place: usize, total: usize, out: &mut [bool]) {
    let mut at = place + 1;
    while at < page.nodes[place].end {
        let range = page.range(at);
        let text = sums.text(range.clone());
        let container = matches!(
            page.tag(at),
            "div"
                | "section"
                | "ul"
                | "ol"
                | "table"
                | "form"
                | "aside"
                | "header"
                | "footer"
                | "fieldset"
                | "dl"
                | "details"
                | "article"
                | "figure"
        );
        if container && text > 0 && text * 2 < total && is_insertion(page, sums, at) {
            out[at] = true;
        }
        at = if out[at] { range.end } else { at + 1 };
    }
}

fn is_insertion(page: &Page<'_>, sums: &Sums, node: usize) -> bool {
    let range = page.range(node);
    let share = sums.link_share(range.clone());
    let worth = Names::of(page, node).worth();
    let list = matches!(page.tag(node), "ul" | "ol");
    if sums.commas(range.clone()) >= 10 && sums.text(range.clone()) > 600 && share < 30 {
        return false;
    }
    let paragraphs = sums.paragraphs(range.clone());
    let inputs =
        page.elements(range.clone()).filter(|n| matches!(page.tag(*n), "input" | "button")).take(20).count();
    worth < 0
        || inputs > paragraphs.max(1)
        || list && share > 40
        || page.tag(node) == "figure" && sums.text(range) < 300
        || !list && worth <= 0 && share > 30
        || share > 50
}

/// Drops what stands around and between the paragraphs of a text without being part of it.
fn trim(page: &Page<'_>, found: &mut Vec<Block>, title: &str) {
    let title = lower(title);
    found.retain(|block| {
        let tag = page.tag(block.node);
        let heading = matches!(tag, "h1" | "h2" | "h3" | "h4" | "h5" | "h6");
        let is_title = tag == "h1" || heading && !title.is_empty() && lower(&block.text) == title;
        let link_line = block.weight < 250 && block.link_share() > 60;
        !is_title && !link_line && !read_also(block)
    });
    while found.last().is_some_and(|b| matches!(page.tag(b.node), "h2" | "h3" | "h4" | "h5" | "h6")) {
        found.pop();
    }
}

/// Lines that point to other articles, in the languages of the sources.
const READ_ALSO: &[&str] = &[
    "read also",
    "read more",
    "also read",
    "see also",
    "related:",
    "read next",
    "lesen sie auch",
    "mehr zum thema",
    "lire aussi",
    "à lire",
    "lea también",
    "lee también",
    "leia também",
    "leia mais",
    "leggi anche",
    "czytaj też",
    "czytaj także",
    "zobacz też",
    "przeczytaj",
    "читайте также",
    "читайте ещё",
    "смотрите также",
    "по теме",
    "читайте также:",
    "читайте також",
    "oxuyun:",
    "həmçinin oxuyun",
    "ilgili haber",
    "bunu da oku",
    "сондай-ақ оқыңыз",
    "тағы оқыңыз",
    "shuningdek o",
    "дагы окуңуз",
    "διαβάστε",
    "اقرأ أيضا",
    "بیشتر بخوانید",
    "关连新闻",
    "相关新闻",
    "相关阅读",
    "延伸阅读",
    "関連記事",
];

fn read_also(block: &Block) -> bool {
    if block.weight > 250 || block.linked == 0 && block.weight > 40 {
        return false;
    }
    let text = lower(&block.text);
    READ_ALSO.iter().any(|words| text.starts_with(words))
}

/// Every paragraph of the page: better a text with a menu in it than none.
fn everything(page: &Page<'_>, left_out: &[bool]) -> Body {
    let long = |b: &Block| b.weight >= 25 && b.link_share() < 50;
    let all = blocks(page, 0..page.nodes.len(), left_out);
    let found: Vec<Block> = all.into_iter().filter(long).collect();
    Body {
        weight: found.iter().map(|b| b.weight).sum(),
        paragraphs: found.into_iter().map(|b| b.text).collect(),
    }
}
