//! `[[watch]]`: what is looked for, for whom and when.

use jiff::tz::TimeZone;
use toml::Spanned;

use super::{Checker, items};
use crate::config::diagnostic::{At, Report, suggest};
use crate::config::{DeliveryConfig, MailConfig, Source, Watch, raw};
use crate::domain::digest::release::{Rule, Timing};
use crate::domain::scope::{Candidate, Scope, Selector};
use crate::domain::watch::check_keyword;

/// The watches of all files.
#[derive(Default)]
pub(super) struct Watches {
    pub checked: Vec<Watch>,
    names: Vec<(String, At)>,
    selectors: Vec<(Selector, At)>,
}

impl Watches {
    /// Checks the watches of the checker's file.
    pub fn add(
        &mut self,
        checker: &mut Checker<'_>,
        raw: Vec<Spanned<raw::Watch>>,
        mail: &MailConfig,
        delivery: &DeliveryConfig,
    ) {
        for table in raw {
            let header = At { file: checker.file, span: table.span() };
            let raw = table.into_inner();
            let name = self.name(checker, &raw, &header);
            let keywords = checker.keywords(&raw, &header);
            let to = checker.recipients(&raw, &header, mail);
            let timing = checker.timing(&raw, &mail.zone, delivery);
            let scope = self.scope(checker, &raw);
            if let Some(name) = name {
                self.checked.push(Watch { name, keywords, to, timing, scope });
            }
        }
    }

    fn name(&mut self, checker: &mut Checker<'_>, raw: &raw::Watch, header: &At) -> Option<String> {
        let Some(text) = &raw.name else {
            if raw.flawed {
                return None;
            }
            let help =
                "it becomes the subject of its mails: name = \"Organization of Turkic States\"".to_owned();
            checker.report.error(header, "a watch needs a name", help);
            return None;
        };
        let name = checker.line("a name", text)?;
        if let Some((_, first)) = self.names.iter().find(|(known, _)| *known == name) {
            let first = checker.report.locate(first);
            let help =
                format!("the first is at {first}; give this one another name, or add its keywords there");
            checker.error(text, format!("a second watch is named {name:?}"), help);
            return None;
        }
        self.names.push((name.clone(), checker.at(text)));
        Some(name)
    }

    fn scope(&mut self, checker: &mut Checker<'_>, raw: &raw::Watch) -> Scope {
        let mut scope = Scope::default();
        for raw in items(&raw.sources) {
            let text = raw.get_ref().trim();
            let (never, text) = match text.strip_prefix('-') {
                Some(rest) => (true, rest.trim()),
                None => (false, text),
            };
            let selector = match text.strip_prefix("tag:") {
                Some(tag) => Selector::Tag(tag.trim().to_owned()),
                None => Selector::Name(text.to_owned()),
            };
            if matches!(&selector, Selector::Tag(text) | Selector::Name(text) if text.is_empty()) {
                checker.error(
                    raw,
                    "this selects no source",
                    r#"for example: sources = ["tag:kz", "-Sputnik"]"#,
                );
                continue;
            }
            self.selectors.push((selector.clone(), checker.at(raw)));
            if never { scope.never.push(selector) } else { scope.only.push(selector) }
        }
        for raw in items(&raw.languages) {
            let code = raw.get_ref().trim().to_lowercase().replace('_', "-");
            if is_language(&code) {
                scope.languages.push(code);
            } else {
                let message = format!("{:?} is no language code", raw.get_ref());
                checker.error(raw, message, r#"two or three letters: languages = ["tr", "az", "kk"]"#);
            }
        }
        scope
    }

    /// Warns of selectors that can pick nothing. A name is only known to be wrong when every source has one,
    /// since a feed's own title is known later.
    pub fn check_scopes(&self, report: &mut Report, sources: &[Source]) {
        let all_named = sources.iter().all(|source| source.name.is_some());
        for (selector, at) in &self.selectors {
            let picks = sources.iter().any(|source| {
                let name = source.name.as_deref().unwrap_or("");
                selector.picks(Candidate { url: source.url.as_str(), name, tags: &source.tags })
            });
            if picks {
                continue;
            }
            match selector {
                Selector::Tag(tag) => {
                    let tags = sources.iter().flat_map(|source| source.tags.iter().map(String::as_str));
                    let help = suggest(tag, tags).map(|meant| format!("did you mean \"tag:{meant}\"?"));
                    report.warn(at, format!("no source has the tag {tag:?}"), help);
                }
                Selector::Name(name) if all_named => {
                    let names = sources.iter().filter_map(|source| source.name.as_deref());
                    let help = suggest(name, names).map(|meant| format!("did you mean {meant:?}?"));
                    report.warn(at, format!("no source is named {name:?}"), help);
                }
                Selector::Name(_) => {}
            }
        }
    }
}

impl Checker<'_> {
    fn keywords(&mut self, raw: &raw::Watch, header: &At) -> Vec<String> {
        let raws = items(&raw.keywords);
        if raws.is_empty() && !raw.flawed {
            let help = "for example: keywords = [\"Organization of Turkic States\", \"OTS\"]".to_owned();
            let at = raw
                .keywords
                .as_ref()
                .map_or(header.clone(), |list| At { file: self.file, span: list.span() });
            self.report.error(&at, "a watch needs keywords", help);
        }
        let mut keywords: Vec<String> = Vec::new();
        for raw in raws {
            let keyword = raw.get_ref().trim();
            if let Err(error) = check_keyword(keyword) {
                self.error(raw, error.to_string(), "write a word or a phrase as people write it");
            } else if keywords.iter().any(|known| known == keyword) {
                self.warn(raw, format!("the keyword {keyword:?} is there twice"), "take one out");
            } else {
                self.warn_short(raw, keyword);
                keywords.push(keyword.to_owned());
            }
        }
        keywords
    }

    /// A short word in small letters is mostly an acronym that will match something else.
    fn warn_short(&mut self, raw: &Spanned<String>, keyword: &str) {
        let letters = keyword.chars().count();
        if letters < 4 && keyword.chars().all(char::is_lowercase) {
            let help = format!("an acronym is written in capitals: {:?}", keyword.to_uppercase());
            self.warn(
                raw,
                format!("{keyword:?} is short and matches in any case: expect false alarms"),
                help,
            );
        }
    }

    fn recipients(&mut self, raw: &raw::Watch, header: &At, mail: &MailConfig) -> Vec<String> {
        if !items(&raw.to).is_empty() {
            return self.addresses("to", &raw.to);
        }
        if mail.to.is_empty() {
            let at = raw.name.as_ref().map_or(header.clone(), |name| self.at(name));
            let help =
                "set the recipients of all watches: to = [\"desk@example.org\"] under [mail]".to_owned();
            self.report.error(&at, "this watch has no recipient", help);
        }
        mail.to.clone()
    }

    fn timing(&mut self, raw: &raw::Watch, zone: &TimeZone, delivery: &DeliveryConfig) -> Timing {
        let rule = self.parsed("deliver", &raw.deliver).unwrap_or(Rule::Now);
        let quiet = self.parsed("quiet", &raw.quiet);
        let zone = self.zone(&raw.timezone).unwrap_or_else(|| zone.clone());
        Timing { rule, zone, quiet, gather: delivery.gather }
    }
}

/// The form of a language tag: `tr`, `kk`, `zh-tw`.
fn is_language(code: &str) -> bool {
    let mut parts = code.split('-');
    let main =
        parts.next().is_some_and(|p| matches!(p.len(), 2 | 3) && p.bytes().all(|b| b.is_ascii_lowercase()));
    main && parts.all(|p| matches!(p.len(), 2..=8) && p.bytes().all(|b| b.is_ascii_alphanumeric()))
}
