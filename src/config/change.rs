//! What a reload changed, in words.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::path::Path;
use std::time::Duration;

use super::{Config, Source, Watch};
use crate::domain::digest::release::Timing;
use crate::io::http::{Credentials, Network, Route, masked};
use crate::io::mail::{Login, Password, Secret};
use crate::time::show_duration;

/// One line for each thing that differs; empty when both say the same.
pub fn change_summary(old: &Config, new: &Config) -> Vec<String> {
    let mut changes = Vec::new();
    watches(&old.watches, &new.watches, &mut changes);
    sources(&old.sources, &new.sources, &mut changes);
    mail(old, new, &mut changes);
    settings(old, new, &mut changes);
    changes
}

/// The addresses of the sources that are asked in another way than before: as somebody else, by another way, or at
/// a host that is opened or closed now.
pub fn asked_otherwise(old: &Config, new: &Config) -> Vec<String> {
    let usual = old.http.proxy != new.http.proxy || old.http.allow_private != new.http.allow_private;
    let changed = |source: &&Source| {
        let before = old.sources.iter().find(|before| before.url == source.url);
        before.is_some_and(|before| {
            let way = |source: &Source| {
                (source.kind.clone(), source.allow_private, source.route.clone(), source.credentials.clone())
            };
            usual || way(before) != way(source)
        })
    };
    new.sources.iter().filter(changed).map(|source| source.url.to_string()).collect()
}

fn watches(old: &[Watch], new: &[Watch], changes: &mut Vec<String>) {
    for watch in new {
        let name = &watch.name;
        let Some(before) = old.iter().find(|before| before.name == *name) else {
            changes.push(format!("watch {name:?} added"));
            continue;
        };
        let mut parts = Vec::new();
        parts.extend(items("keywords", &before.keywords, &watch.keywords));
        parts.extend(items("to", &before.to, &watch.to));
        parts.extend(timing(&before.timing, &watch.timing));
        if before.scope != watch.scope {
            parts.push("sources and languages".to_owned());
        }
        if !parts.is_empty() {
            changes.push(format!("watch {name:?}: {}", parts.join(", ")));
        }
    }
    for watch in old.iter().filter(|before| !new.iter().any(|watch| watch.name == before.name)) {
        changes.push(format!("watch {:?} removed", watch.name));
    }
    let kept = |list: &[Watch], other: &[Watch]| -> Vec<String> {
        list.iter().map(|w| w.name.clone()).filter(|name| other.iter().any(|w| w.name == *name)).collect()
    };
    if kept(old, new) != kept(new, old) {
        changes.push("watches in another order".to_owned());
    }
}

fn timing(old: &Timing, new: &Timing) -> Option<String> {
    if old.rule != new.rule {
        return Some(format!("deliver {} → {}", old.rule, new.rule));
    }
    let quiet = |timing: &Timing| timing.quiet.map_or_else(|| "none".to_owned(), |quiet| quiet.to_string());
    if old.quiet != new.quiet {
        return Some(format!("quiet {} → {}", quiet(old), quiet(new)));
    }
    (old.zone != new.zone).then(|| "timezone".to_owned())
}

/// Who logs in and where the secret is; never the secret.
fn account(login: &Login) -> (&str, bool, Option<&Path>) {
    match &login.secret {
        Secret::Password(Password::File(path)) => (&login.user, false, Some(path)),
        Secret::Password(Password::Text(_)) => (&login.user, false, None),
        Secret::Token(path) => (&login.user, true, Some(path)),
    }
}

fn sources(old: &[Source], new: &[Source], changes: &mut Vec<String>) {
    for source in new {
        match old.iter().find(|before| before.url == source.url) {
            None => changes.push(format!("source {} added", masked(&source.url))),
            Some(before) if before != source => {
                let mut parts = Vec::new();
                parts.extend(optional("name", before.name.as_ref(), source.name.as_ref(), |name| {
                    format!("{name:?}")
                }));
                parts.extend(items("tags", &before.tags, &source.tags));
                parts.extend(optional(
                    "max_interval",
                    before.max_interval.as_ref(),
                    source.max_interval.as_ref(),
                    |time| show_duration(*time),
                ));
                if before.kind.as_str() != source.kind.as_str() {
                    parts.push(format!("kind {} → {}", before.kind.as_str(), source.kind.as_str()));
                } else if before.kind != source.kind {
                    parts.push("selectors".to_owned());
                }
                parts.extend(value("full_text", &before.full_text, &source.full_text));
                parts.extend(value("allow_private", &before.allow_private, &source.allow_private));
                parts.extend(credentials(before.credentials.as_deref(), source.credentials.as_deref()));
                parts.extend(optional("proxy", Some(&before.route), Some(&source.route), way));
                changes.push(format!("source {}: {}", masked(&source.url), parts.join(", ")));
            }
            Some(_) => {}
        }
    }
    for source in old.iter().filter(|before| !new.iter().any(|source| source.url == before.url)) {
        changes.push(format!("source {} removed", masked(&source.url)));
    }
}

/// What a source's own server is told: the names of it, never the values.
fn credentials(old: Option<&Credentials>, new: Option<&Credentials>) -> Vec<String> {
    let names = |of: Option<&Credentials>| of.map(Credentials::header_names).unwrap_or_default();
    let login = |of: Option<&Credentials>| of.and_then(|own| own.login().cloned());
    let mut parts = Vec::new();
    parts.extend(items("headers", &names(old), &names(new)));
    if login(old) != login(new) {
        parts.push("auth".to_owned());
    }
    if old != new && parts.is_empty() {
        parts.push("headers".to_owned());
    }
    parts
}

/// A proxy without its user.
fn way(route: &Route) -> String {
    match route {
        Route::Usual => "as usual".to_owned(),
        Route::Direct => "none".to_owned(),
        Route::Through(proxy) => proxy.to_string(),
    }
}

fn mail(old: &Config, new: &Config, changes: &mut Vec<String>) {
    let (before, after) = (&old.mail, &new.mail);
    let mut parts = Vec::new();
    parts.extend(value("from", &before.from, &after.from));
    parts.extend(items("to", &before.to, &after.to));
    if before.via != after.via {
        parts.push(format!("via {} → {}", before.via, after.via));
    }
    if before.login.as_ref().map(account) != after.login.as_ref().map(account) {
        parts.push("login".to_owned());
    }
    if before.zone != after.zone {
        parts.push("timezone".to_owned());
    }
    parts.extend(value("language", &before.language, &after.language));
    if !parts.is_empty() {
        changes.push(format!("mail: {}", parts.join(", ")));
    }
    if let Some(admins) = items("to", &old.admin, &new.admin) {
        changes.push(format!("admin: {admins}"));
    }
}

fn settings(old: &Config, new: &Config, changes: &mut Vec<String>) {
    let mut say = |section: &str, parts: Vec<Option<String>>| {
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        if !parts.is_empty() {
            changes.push(format!("{section}: {}", parts.join(", ")));
        }
    };
    let (a, b) = (&old.polling, &new.polling);
    let polling = vec![
        value("budget", &a.budget, &b.budget),
        time("floor", a.floor, b.floor),
        time("ceiling", a.ceiling, b.ceiling),
    ];
    say("polling", polling);
    let (a, b) = (&old.http, &new.http);
    let networks = |list: &[Network]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
    let http = vec![
        value("contact", &a.contact, &b.contact),
        time("host_gap", a.host_gap, b.host_gap),
        items("allow_private", &networks(&a.allow_private), &networks(&b.allow_private)),
        optional("proxy", a.proxy.as_ref(), b.proxy.as_ref(), ToString::to_string),
        optional("ca_file", a.ca_file.as_ref(), b.ca_file.as_ref(), |path| path.display().to_string()),
    ];
    say("http", http);
    say("reading", vec![time("retry", old.reading.retry, new.reading.retry)]);
    let (a, b) = (&old.delivery, &new.delivery);
    let delivery = vec![
        time("gather", a.gather, b.gather),
        time("retry", a.retry, b.retry),
        value("fold_after", &a.fold_after, &b.fold_after),
    ];
    say("delivery", delivery);
    say("store", vec![time("keep", old.store.keep, new.store.keep)]);
}

/// `keywords +"a" -"b"`; another order of the same items says so.
fn items(what: &str, old: &[String], new: &[String]) -> Option<String> {
    if old == new {
        return None;
    }
    let (before, after): (BTreeSet<_>, BTreeSet<_>) = (old.iter().collect(), new.iter().collect());
    let added = after.difference(&before).map(|item| format!(" +{item:?}"));
    let removed = before.difference(&after).map(|item| format!(" -{item:?}"));
    let changed: String = added.chain(removed).collect();
    Some(if changed.is_empty() { format!("{what} in another order") } else { format!("{what}{changed}") })
}

fn value<T: PartialEq + Debug>(what: &str, old: &T, new: &T) -> Option<String> {
    (old != new).then(|| format!("{what} {old:?} → {new:?}"))
}

fn optional<T: PartialEq>(
    what: &str,
    old: Option<&T>,
    new: Option<&T>,
    show: impl Fn(&T) -> String,
) -> Option<String> {
    let text = |value: Option<&T>| value.map_or_else(|| "none".to_owned(), &show);
    (old != new).then(|| format!("{what} {} → {}", text(old), text(new)))
}

fn time(what: &str, old: Duration, new: Duration) -> Option<String> {
    (old != new).then(|| format!("{what} {} → {}", show_duration(old), show_duration(new)))
}
