//! A parsed page as one flat list in document order, so that every walk is a loop over a range.

use std::cell::{Cell, Ref};
use std::ops::Range;
use std::rc::Rc;

use html5ever::tendril::{StrTendril, TendrilSink};
use html5ever::tree_builder::{ElementFlags, NodeOrText, QuirksMode, TreeBuilderOpts, TreeSink};
use html5ever::{Attribute, ParseOpts, QualName};
use scraper::node::Element;
use scraper::{Html, HtmlTreeSink, Node};

/// Deeper than this and the rest of the page is not parsed: scope scans cost the depth for every tag.
const MAX_DEPTH: usize = 400;
/// More nodes than this and the rest of the page is not parsed.
const MAX_NODES: usize = 100_000;
/// More names looked at by the tree builder than this and the rest of the page is not parsed.
const MAX_LOOKS: usize = 12_000_000;
/// Bytes given to the parser between two looks at the bounds.
const PIECE: usize = 1024;

/// Parses as much of a page as the bounds allow; true when that was all of it.
pub(in crate::domain) fn parse(html: &str) -> (Html, bool) {
    let options = ParseOpts {
        tree_builder: TreeBuilderOpts { scripting_enabled: false, ..TreeBuilderOpts::default() },
        ..ParseOpts::default()
    };
    let mut parser = html5ever::driver::parse_document(Counting::new(), options);
    let mut rest = html;
    while !rest.is_empty() && !parser.tokenizer.sink.sink.exhausted() {
        let (piece, after) = rest.split_at(rest.ceil_char_boundary(PIECE.min(rest.len())));
        parser.process(StrTendril::from_slice(piece));
        rest = after;
    }
    (parser.finish(), rest.is_empty())
}

type NodeId = <HtmlTreeSink as TreeSink>::Handle;

/// A node as the tree builder holds it, with the depth it was put at.
#[derive(Clone)]
struct Spot {
    id: NodeId,
    depth: Rc<Cell<usize>>,
}

/// scraper's sink, with a count of the work it is made to do.
struct Counting {
    sink: HtmlTreeSink,
    deepest: Cell<usize>,
    nodes: Cell<usize>,
    looks: Cell<usize>,
    merged: Cell<usize>,
}

impl Counting {
    fn new() -> Self {
        let zero = || Cell::new(0);
        let sink = HtmlTreeSink::new(Html::new_document());
        Self { sink, deepest: zero(), nodes: zero(), looks: zero(), merged: zero() }
    }

    fn exhausted(&self) -> bool {
        self.deepest.get() > MAX_DEPTH || self.nodes.get() > MAX_NODES || self.looks.get() > MAX_LOOKS
    }

    fn spot(&self, id: NodeId) -> Spot {
        self.nodes.set(self.nodes.get() + 1);
        Spot { id, depth: Rc::default() }
    }

    /// Notes how deep a node comes to lie, and hands on what is inserted.
    fn placed(&self, child: NodeOrText<Spot>, depth: usize) -> NodeOrText<NodeId> {
        match child {
            NodeOrText::AppendNode(spot) => {
                spot.depth.set(depth);
                self.deepest.set(self.deepest.get().max(depth));
                NodeOrText::AppendNode(spot.id)
            }
            NodeOrText::AppendText(text) => {
                self.nodes.set(self.nodes.get() + 1);
                NodeOrText::AppendText(text)
            }
        }
    }
}

impl TreeSink for Counting {
    type Handle = Spot;
    type Output = Html;
    type ElemName<'a> = Ref<'a, QualName>;

    fn finish(self) -> Html {
        self.sink.finish()
    }

    fn parse_error(&self, _: std::borrow::Cow<'static, str>) {}

    fn get_document(&self) -> Spot {
        Spot { id: self.sink.get_document(), depth: Rc::default() }
    }

    fn elem_name<'a>(&'a self, target: &'a Spot) -> Ref<'a, QualName> {
        self.looks.set(self.looks.get() + 1);
        self.sink.elem_name(&target.id)
    }

    fn create_element(&self, name: QualName, attrs: Vec<Attribute>, flags: ElementFlags) -> Spot {
        self.spot(self.sink.create_element(name, attrs, flags))
    }

    fn create_comment(&self, text: StrTendril) -> Spot {
        self.spot(self.sink.create_comment(text))
    }

    fn create_pi(&self, target: StrTendril, data: StrTendril) -> Spot {
        self.spot(self.sink.create_pi(target, data))
    }

    fn append(&self, parent: &Spot, child: NodeOrText<Spot>) {
        let child = self.placed(child, parent.depth.get() + 1);
        self.sink.append(&parent.id, child);
    }

    fn append_based_on_parent_node(&self, element: &Spot, previous: &Spot, child: NodeOrText<Spot>) {
        let child = self.placed(child, element.depth.get().max(previous.depth.get() + 1));
        self.sink.append_based_on_parent_node(&element.id, &previous.id, child);
    }

    fn append_doctype_to_document(&self, name: StrTendril, public: StrTendril, system: StrTendril) {
        self.sink.append_doctype_to_document(name, public, system);
    }

    fn get_template_contents(&self, target: &Spot) -> Spot {
        Spot { id: self.sink.get_template_contents(&target.id), depth: Rc::clone(&target.depth) }
    }

    fn same_node(&self, x: &Spot, y: &Spot) -> bool {
        self.looks.set(self.looks.get() + 1);
        x.id == y.id
    }

    fn set_quirks_mode(&self, mode: QuirksMode) {
        self.sink.set_quirks_mode(mode);
    }

    fn append_before_sibling(&self, sibling: &Spot, new_node: NodeOrText<Spot>) {
        let new_node = self.placed(new_node, sibling.depth.get());
        self.sink.append_before_sibling(&sibling.id, new_node);
    }

    /// A thousand `<body a=1 b=2 ...>` would make one list of attributes that is sorted over and over.
    fn add_attrs_if_missing(&self, target: &Spot, attrs: Vec<Attribute>) {
        self.merged.set(self.merged.get() + 1);
        if self.merged.get() < 20 {
            self.sink.add_attrs_if_missing(&target.id, attrs);
        }
    }

    fn remove_from_parent(&self, target: &Spot) {
        self.sink.remove_from_parent(&target.id);
    }

    fn reparent_children(&self, node: &Spot, new_parent: &Spot) {
        self.sink.reparent_children(&node.id, &new_parent.id);
    }
}

/// One node of the flat list.
#[derive(Clone, Copy, Debug)]
pub(in crate::domain) struct Flat<'a> {
    /// The element around it; the root is its own parent.
    pub parent: usize,
    /// One past its last descendant.
    pub end: usize,
    /// Inside a link.
    pub linked: bool,
    /// The text, when it is a text node.
    pub text: Option<&'a str>,
    element: Option<&'a Element>,
}

/// A page in document order.
#[derive(Debug)]
pub(in crate::domain) struct Page<'a> {
    /// Its nodes; the first is the document.
    pub nodes: Vec<Flat<'a>>,
}

impl<'a> Page<'a> {
    /// The flat list of a tree.
    pub fn new(html: &'a Html) -> Self {
        let root = Flat { parent: 0, end: 1, linked: false, text: None, element: None };
        let mut page = Self { nodes: vec![root] };
        let mut open = 0;
        let mut at = html.tree.root().first_child();
        while let Some(node) = at {
            let text = node.value().as_text().map(|text| &**text);
            let element = node.value().as_element();
            let descend = element.is_some_and(|e| e.name() != "template");
            let linked = page.nodes[open].linked || element.is_some_and(|e| e.name() == "a");
            let index = page.nodes.len();
            if text.is_some() || element.is_some() {
                page.nodes.push(Flat { parent: open, end: index + 1, linked, text, element });
            }
            if descend && let Some(child) = node.first_child() {
                open = index;
                at = Some(child);
                continue;
            }
            let mut last = node;
            while last.next_sibling().is_none() && last.parent().is_some_and(|p| p.value() != &Node::Document)
            {
                page.nodes[open].end = page.nodes.len();
                open = page.nodes[open].parent;
                let Some(parent) = last.parent() else { break };
                last = parent;
            }
            at = last.next_sibling();
        }
        page.nodes[0].end = page.nodes.len();
        page
    }

    /// Everything at and below a node.
    pub fn range(&self, node: usize) -> Range<usize> {
        node..self.nodes[node].end
    }

    /// The element's name; empty for text.
    pub fn tag(&self, node: usize) -> &'a str {
        self.nodes[node].element.map_or("", |element| element.name())
    }

    /// An attribute's value.
    pub fn attr(&self, node: usize, name: &str) -> Option<&'a str> {
        let mut attrs = self.nodes[node].element?.attrs();
        attrs.find(|(found, _)| *found == name).map(|(_, value)| value)
    }

    /// All elements of a range, in document order.
    pub fn elements(&self, range: Range<usize>) -> impl Iterator<Item = usize> + '_ {
        range.filter(|node| self.nodes[*node].element.is_some())
    }

    /// The element around a node, its parent, and so on up to the document.
    pub fn ancestors(&self, node: usize) -> impl Iterator<Item = usize> + '_ {
        std::iter::successors(Some(node), |at| (*at != 0).then(|| self.nodes[*at].parent)).skip(1)
    }

    /// The first element of this name.
    pub fn first(&self, tag: &str) -> Option<usize> {
        self.elements(0..self.nodes.len()).find(|node| self.tag(*node) == tag)
    }

    /// All text at and below a node on one line.
    pub fn text(&self, node: usize) -> String {
        let mut out = String::new();
        for at in self.range(node) {
            if let Some(text) = self.nodes[at].text {
                out.push_str(text);
            } else if is_block(self.tag(at)) || self.tag(at) == "br" {
                out.push(' ');
            }
        }
        squeeze(&out)
    }
}

/// Elements that stand on lines of their own.
pub(in crate::domain) fn is_block(tag: &str) -> bool {
    matches!(
        tag,
        "address"
            | "article"
            | "aside"
            | "blockquote"
            | "body"
            | "center"
            | "dd"
            | "details"
            | "dialog"
            | "dir"
            | "div"
            | "dl"
            | "dt"
            | "fieldset"
            | "figcaption"
            | "figure"
            | "footer"
            | "form"
            | "h1"
            | "h2"
            | "h3"
            | "h4"
            | "h5"
            | "h6"
            | "header"
            | "hgroup"
            | "hr"
            | "html"
            | "li"
            | "main"
            | "menu"
            | "nav"
            | "ol"
            | "p"
            | "pre"
            | "section"
            | "summary"
            | "table"
            | "tbody"
            | "td"
            | "tfoot"
            | "th"
            | "thead"
            | "tr"
            | "ul"
            | "caption"
            | "video"
            | "audio"
            | "noscript"
            | "head"
            | "title"
            | "button"
            | "search"
    )
}

/// One line of plain text.
pub(in crate::domain) fn squeeze(text: &str) -> String {
    crate::domain::text::clean(text)
}

/// Lower case for comparing: a Turkish `İ` becomes a plain `i`, not one with a second dot.
pub(in crate::domain) fn lower(text: &str) -> String {
    text.to_lowercase().replace('\u{307}', "")
}

/// How much reading a text is: characters, with those of scripts that need few of them counted double.
pub(in crate::domain) fn weight(text: &str) -> usize {
    let mut space = true;
    let mut sum = 0;
    for c in text.chars() {
        let white = c.is_whitespace();
        sum += match c {
            _ if white && space => 0,
            '\u{2e80}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}' | '\u{f900}'..='\u{faff}' => 2,
            _ => 1,
        };
        space = white;
    }
    sum
}
