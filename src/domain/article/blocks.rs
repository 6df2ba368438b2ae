//! The paragraphs of a page: text that a reader sees as one piece, however many elements it is made of.

use std::ops::Range;

use crate::domain::html::tree::{Page, is_block, squeeze, weight};

/// One paragraph, heading, list item or cell.
#[derive(Debug, Clone)]
pub(super) struct Block {
    /// The element it stands in.
    pub node: usize,
    /// Its text; a single line break inside stays one.
    pub text: String,
    /// How much reading it is.
    pub weight: usize,
    /// How much of it is links.
    pub linked: usize,
}

impl Block {
    /// The share of links in percent.
    pub fn link_share(&self) -> usize {
        self.linked * 100 / self.weight.max(1)
    }
}

/// The blocks of a range without the parts that are left out.
pub(super) fn blocks(page: &Page<'_>, range: Range<usize>, left_out: &[bool]) -> Vec<Block> {
    let mut maker =
        Maker { page, out: Vec::new(), text: String::new(), link: String::new(), node: range.start };
    let mut open: Vec<usize> = Vec::new();
    let mut at = range.start;
    while at < range.end {
        while let Some(&last) = open.last() {
            if page.nodes[last].end > at {
                break;
            }
            maker.flush(page.nodes[last].parent);
            open.pop();
        }
        let node = &page.nodes[at];
        if left_out[at] {
            if is_block(page.tag(at)) {
                maker.flush(open.last().copied().unwrap_or(node.parent));
            }
            at = node.end;
            continue;
        }
        match (node.text, page.tag(at)) {
            (Some(text), _) => maker.push(text, node.linked),
            (None, "br") => maker.line_break(),
            (None, tag) if is_block(tag) => {
                maker.flush(at);
                open.push(at);
            }
            _ => {}
        }
        at += 1;
    }
    maker.flush(range.start);
    maker.out
}

struct Maker<'p, 'a> {
    page: &'p Page<'a>,
    out: Vec<Block>,
    text: String,
    link: String,
    node: usize,
}

impl Maker<'_, '_> {
    fn push(&mut self, text: &str, linked: bool) {
        // A line break in the source is white space; only `<br>` makes a line.
        self.text.extend(text.chars().map(|c| if c.is_whitespace() { ' ' } else { c }));
        if linked {
            self.link.push_str(text);
        }
    }

    /// One `<br>` is a line in a paragraph, two are the end of it.
    fn line_break(&mut self) {
        if self.text.trim_end_matches(' ').ends_with('\n') {
            self.flush(self.node);
        } else if !self.text.trim().is_empty() {
            self.text.push('\n');
        }
    }

    /// Ends the paragraph; what follows stands in `node`.
    fn flush(&mut self, node: usize) {
        let lines: Vec<String> = self.text.split('\n').map(squeeze).filter(|line| !line.is_empty()).collect();
        if !lines.is_empty() {
            let text = lines.join("\n");
            let block_node = if is_block(self.page.tag(self.node)) {
                self.node
            } else {
                self.page.nodes[self.node].parent
            };
            self.out.push(Block {
                node: block_node,
                weight: weight(&text),
                linked: weight(squeeze(&self.link).as_str()),
                text,
            });
        }
        self.text.clear();
        self.link.clear();
        self.node = node;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::html::tree::parse;

    fn check(html: &str, expected: &[&str]) {
        let (tree, _) = parse(html);
        let page = Page::new(&tree);
        let out = vec![false; page.nodes.len()];
        let found = blocks(&page, 0..page.nodes.len(), &out);
        assert_eq!(found.iter().map(|b| b.text.as_str()).collect::<Vec<_>>(), expected, "{html}");
    }

    #[test]
    fn inline_elements_do_not_break_words() {
        check(
            "<p><span class=drop>K</span>azakhstan <b>and</b> <i>Kyr</i>gyzstan</p>",
            &["Kazakhstan and Kyrgyzstan"],
        );
        check("<p>Tür&shy;ki&shy;ye</p>", &["Türkiye"]);
        check("<p>a\nb\tc</p>", &["a b c"]);
    }

    #[test]
    fn block_elements_and_double_breaks_part_paragraphs() {
        check("<div>a<p>b</p>c</div>d", &["a", "b", "c", "d"]);
        check("<div>a<br>b<br><br>c<br> <br>d</div>", &["a\nb", "c", "d"]);
        check("<ul><li>a<li>b</ul><table><tr><td>c<td>d</table>", &["a", "b", "c", "d"]);
    }

    #[test]
    fn links_are_measured() {
        let (tree, _) = parse("<p>read <a href=x>this</a></p>");
        let page = Page::new(&tree);
        let found = blocks(&page, 0..page.nodes.len(), &vec![false; page.nodes.len()]);
        assert_eq!((found[0].weight, found[0].linked, found[0].link_share()), (9, 4, 44));
    }
}
