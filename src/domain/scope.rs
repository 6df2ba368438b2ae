//! Which sources and languages a watch looks at.

/// The sources and languages of a watch; the default is all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// Only these sources; empty: all.
    pub only: Vec<Selector>,
    /// Never these sources, whatever `only` says.
    pub never: Vec<Selector>,
    /// Only these languages, as lower-case codes; empty: all.
    pub languages: Vec<String>,
}

/// What picks a source: `tag:kz`, a name or an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selector {
    /// Sources that carry this tag.
    Tag(String),
    /// The source of this name or configured address.
    Name(String),
}

/// A source as a [`Scope`] sees it.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// The configured address.
    pub url: &'a str,
    /// The configured name, else the feed's own title.
    pub name: &'a str,
    /// The configured tags.
    pub tags: &'a [String],
}

impl Scope {
    /// Whether an article of this source and language is looked at. An unknown language passes: no alert
    /// is lost to a guess that could not be made.
    pub fn admits(&self, source: Candidate<'_>, language: Option<&str>) -> bool {
        let picked = |selectors: &[Selector]| selectors.iter().any(|s| s.picks(source));
        (self.only.is_empty() || picked(&self.only))
            && !picked(&self.never)
            && (self.languages.is_empty() || language.is_none_or(|language| self.speaks(language)))
    }

    /// `tr` admits `tr-TR`, and `zh-TW` admits nothing but itself.
    fn speaks(&self, language: &str) -> bool {
        let language = language.trim().to_lowercase().replace('_', "-");
        let unknown = language.is_empty() || language == "und";
        let admits = |wanted: &String| {
            language
                .strip_prefix(wanted.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
        };
        unknown || self.languages.iter().any(admits)
    }
}

impl Selector {
    /// Whether it picks this source. Names and tags are compared in any case.
    pub fn picks(&self, source: Candidate<'_>) -> bool {
        match self {
            Self::Tag(tag) => source.tags.iter().any(|t| same(t, tag)),
            Self::Name(name) => same(name, source.name) || name == source.url,
        }
    }
}

fn same(a: &str, b: &str) -> bool {
    a.trim().to_lowercase() == b.trim().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_admits_what_it_names_and_nothing_it_excludes() {
        let tag = |t: &str| Selector::Tag(t.to_owned());
        let name = |n: &str| Selector::Name(n.to_owned());
        let scope = |only: &[Selector], never: &[Selector], languages: &[&str]| Scope {
            only: only.to_vec(),
            never: never.to_vec(),
            languages: languages.iter().map(|&l| l.to_owned()).collect(),
        };
        let tags = ["kz".to_owned(), "agency".to_owned()];
        let kazinform = Candidate { url: "https://inform.kz/rss", name: "Kazinform", tags: &tags };
        let cases = [
            (scope(&[], &[], &[]), None, true),
            (scope(&[tag("KZ")], &[], &[]), None, true),
            (scope(&[tag("uz")], &[], &[]), None, false),
            (scope(&[tag("uz"), name("kazinform")], &[], &[]), None, true),
            (scope(&[name("https://inform.kz/rss")], &[], &[]), None, true),
            (scope(&[tag("kz")], &[name("Kazinform")], &[]), None, false),
            (scope(&[], &[tag("agency")], &[]), None, false),
            (scope(&[], &[], &["tr", "az"]), Some("tr"), true),
            (scope(&[], &[], &["tr", "az"]), Some("tr-TR"), true),
            (scope(&[], &[], &["tr", "az"]), Some("TR_tr"), true),
            (scope(&[], &[], &["tr", "az"]), Some("trv"), false),
            (scope(&[], &[], &["tr", "az"]), Some("en"), false),
            (scope(&[], &[], &["tr", "az"]), None, true),
            (scope(&[], &[], &["tr", "az"]), Some("und"), true),
            (scope(&[], &[], &["zh-tw"]), Some("zh"), false),
        ];
        for (scope, language, admitted) in cases {
            assert_eq!(scope.admits(kazinform, language), admitted, "{scope:?} {language:?}");
        }
    }
}
