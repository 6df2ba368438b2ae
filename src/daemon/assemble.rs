//! From the configuration to the plan of the stages, and to what the store has to know of it.

use std::collections::HashMap;

use super::Error;
use crate::config::{Config, Source, Watch, in_sandbox, sandbox_refusal};
use crate::domain::schedule::Rhythm;
use crate::domain::watch::Matcher;
use crate::io::http::{Client, Settings, TOTAL_TIMEOUT, host_key};
use crate::io::mail::{Deadlines, Mailer, Via};
use crate::io::store::Store;
use crate::io::store::roster::{Roster, Rows};
use crate::io::tls;
use crate::pipeline::Plan;
use crate::pipeline::plan::{SourcePlan, WatchPlan};
use crate::time::Timestamp;

/// Enrols the configuration in the store and compiles the plan. `mailer` replaces the configured way.
pub async fn assemble(
    config: &Config,
    store: &Store,
    now: Timestamp,
    mailer: Option<Mailer>,
) -> Result<Plan, Error> {
    // Everything that can fail comes before the store learns anything.
    let http = http_client(config)?;
    let mailer = mailer.map_or_else(|| configured_mailer(config, store.dir()), Ok)?;
    let matcher = Matcher::new(config.watches.iter().map(|watch| watch.keywords.as_slice()))?;
    let rows = store.enrol(roster(config), now).await?;
    let paused = store.paused_watches().await?;
    Ok(Plan {
        http,
        mailer,
        via: config.via_in(store.dir()).to_string(),
        from: config.mail.from.clone(),
        from_address: bare(&config.mail.from).to_owned(),
        zone: config.mail.zone.clone(),
        sources: sources(config, &rows),
        names: names(config),
        matcher,
        watches: watches(&config.watches, &rows, &paused),
        rhythm: Rhythm {
            budget: config.polling.budget,
            floor: config.polling.floor,
            ceiling: config.polling.ceiling,
            max_interval: None,
        },
        host_gap: config.http.host_gap,
        page_retry: config.reading.retry,
        mail_retry: config.delivery.retry,
        fold_after: usize::try_from(config.delivery.fold_after).unwrap_or(usize::MAX),
    })
}

/// The HTTP client that the configuration describes.
pub fn http_client(config: &Config) -> Result<Client, Error> {
    Ok(Client::new(Settings {
        contact: config.http.contact.clone(),
        allow_private: config.http.allow_private.clone(),
        total_timeout: TOTAL_TIMEOUT,
        tls: tls::client_config(config.http.ca_file.as_deref())?,
        proxy: config.http.proxy.clone(),
    })?)
}

/// The way mail leaves that the configuration describes.
pub fn configured_mailer(config: &Config, state: &std::path::Path) -> Result<Mailer, Error> {
    let tls = tls::client_config(config.http.ca_file.as_deref())?;
    Ok(Mailer::new(&config.via_in(state), config.mail.login.clone(), tls, Deadlines::default()))
}

/// Refuses a way out that the sandbox of the unit we run in cannot serve.
pub async fn check_sandbox(config: &Config, state: &std::path::Path) -> Result<(), Error> {
    let Some(refusal) = sandbox_refusal(&config.mail.via, state).filter(|_| in_sandbox()) else {
        return Ok(());
    };
    if !matches!(config.mail.via, Via::Maildir { .. }) {
        return Err(Error::Sandbox(refusal.to_string()));
    }
    // A drop-in may have opened the folder.
    let mailer = configured_mailer(config, state)?;
    mailer.probe(&mut |_| {}).await.map_err(|reason| Error::Sandbox(format!("{reason}; {refusal}")))
}

/// The bare address of a sender with a name.
pub fn bare(from: &str) -> &str {
    from.rsplit_once('<').map_or(from, |(_, rest)| rest.trim_end().trim_end_matches('>')).trim()
}

fn roster(config: &Config) -> Roster {
    Roster {
        sources: config.sources.iter().map(|s| (s.url.to_string(), host_key(&s.url))).collect(),
        watches: config.watches.iter().map(|w| (w.name.clone(), w.to.clone())).collect(),
        administrators: config.admin.clone(),
    }
}

fn sources(config: &Config, rows: &Rows) -> HashMap<i64, SourcePlan> {
    let plan = |source: &Source| SourcePlan {
        url: source.url.clone(),
        kind: source.kind.clone(),
        tags: source.tags.clone(),
        max_interval: source.max_interval,
        full_text: source.full_text,
        allow_private: source.allow_private,
        credentials: source.credentials.clone(),
        route: source.route.clone(),
    };
    // The same source twice: the first counts.
    let row = |source: &Source| Some((*rows.feeds.get(source.url.as_str())?, plan(source)));
    config.sources.iter().rev().filter_map(row).collect()
}

fn names(config: &Config) -> HashMap<String, String> {
    let named = |source: &Source| Some((source.url.to_string(), source.name.clone()?));
    config.sources.iter().rev().filter_map(named).collect()
}

fn watches(watches: &[Watch], rows: &Rows, paused: &[i64]) -> Vec<WatchPlan> {
    let plan = |(watch, (id, subscriptions)): (&Watch, &(i64, Vec<i64>))| WatchPlan {
        id: *id,
        name: watch.name.clone(),
        timing: watch.timing.clone(),
        scope: watch.scope.clone(),
        subscriptions: subscriptions.clone(),
        paused: paused.contains(id),
    };
    watches.iter().zip(&rows.watches).map(plan).collect()
}

#[cfg(test)]
mod tests {
    use super::bare;

    #[test]
    fn a_sender_has_an_address_under_its_name() {
        for from in ["Habar <habar@example.org>", "habar@example.org", "\"A <B>\" <habar@example.org> "] {
            assert_eq!(bare(from), "habar@example.org", "{from}");
        }
    }
}
