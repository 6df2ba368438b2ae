//! What the stages need of the configuration, compiled once and swapped whole at a reload.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use url::Url;

use crate::domain::digest::release::{Timing, release};
use crate::domain::feed::Kind;
use crate::domain::schedule::{self, Rhythm};
use crate::domain::scope::Scope;
use crate::domain::watch::Matcher;
use crate::io::http::{Accept, Client, Credentials, Request, Route, shown};
use crate::io::mail::Mailer;
use crate::io::store::lease::Clamp;
use crate::time::{HOUR, Timestamp};

/// The plan that the stages follow.
pub struct Plan {
    /// Asks the web.
    pub http: Client,
    /// Delivers mail.
    pub mailer: Mailer,
    /// The way mail goes, as the configuration names it; marks messages whose fate is unknown.
    pub via: String,
    /// The sender, with a name: `Habar <habar@example.org>`.
    pub from: String,
    /// The sender's bare address.
    pub from_address: String,
    /// The zone of times in mails to the administrator.
    pub zone: TimeZone,
    /// Sources by their feed's row.
    pub sources: HashMap<i64, SourcePlan>,
    /// Names of sources by their configured address.
    pub names: HashMap<String, String>,
    /// All watches in one matcher; its watch numbers index `watches`.
    pub matcher: Matcher,
    /// The watches, in the config's order.
    pub watches: Vec<WatchPlan>,
    /// Floor, ceiling and budget.
    pub rhythm: Rhythm,
    /// Between two requests to one host.
    pub host_gap: Duration,
    /// First new try of a page.
    pub page_retry: Duration,
    /// First new try of a mail.
    pub mail_retry: Duration,
    /// Mails an hour to one person before they are folded.
    pub fold_after: usize,
}

/// What the stages need of one source.
pub struct SourcePlan {
    /// The configured address.
    pub url: Url,
    /// How its document is read.
    pub kind: Kind,
    /// Its tags.
    pub tags: Vec<String>,
    /// Never poll less often than this.
    pub max_interval: Option<Duration>,
    /// Read the pages behind its entries.
    pub full_text: bool,
    /// Its own host may be private.
    pub allow_private: bool,
    /// Its headers and login.
    pub credentials: Option<Arc<Credentials>>,
    /// The way to it and to its pages.
    pub route: Route,
}

impl SourcePlan {
    /// The bounds of its polls, where these are the usual ones.
    pub fn rhythm(&self, usual: Rhythm) -> Rhythm {
        Rhythm { max_interval: self.max_interval, ..usual }
    }

    /// A request of this source for `url`: its feed, one of its pages, or a robots.txt before them.
    pub fn request(&self, url: Url, accept: Accept) -> Request {
        Request {
            // The grant is for its own host, whatever its entries link to.
            private_host: self.allow_private && self.url.host() == url.host(),
            own_port: self.url.port_or_known_default(),
            credentials: self.credentials.clone(),
            route: self.route.clone(),
            ..Request::new(url, accept)
        }
    }
}

/// What the stages need of one watch.
pub struct WatchPlan {
    /// Its row.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// When its alerts are told, and in which zone.
    pub timing: Timing,
    /// Which articles it looks at.
    pub scope: Scope,
    /// The rows of its subscriptions.
    pub subscriptions: Vec<i64>,
    /// It was paused when this was compiled. Whether it is, the store knows that makes its alerts.
    pub paused: bool,
}

impl Plan {
    /// The bounds within which this feed is polled.
    pub fn rhythm_of(&self, feed: i64) -> Rhythm {
        self.sources.get(&feed).map_or(self.rhythm, |source| source.rhythm(self.rhythm))
    }

    /// How far ahead anything can be due at `now`.
    pub fn clamp(&self, now: Timestamp) -> Clamp {
        // Mails that are folded, or cannot be composed, wait an hour whatever their rule.
        let latest = |watch: &WatchPlan| release(&watch.timing, now).max(now + HOUR);
        let releases = self
            .watches
            .iter()
            .flat_map(|watch| watch.subscriptions.iter().map(move |id| (*id, latest(watch))));
        let longest = |id: &i64| Some((*id, schedule::longest_interval(&self.rhythm_of(*id))?));
        Clamp {
            ceiling: self.rhythm.ceiling,
            max_intervals: self.sources.keys().filter_map(longest).collect(),
            host_gap: self.host_gap,
            releases: releases.collect(),
        }
    }

    /// A source as the administrator is told of it, and as no other is: an address that may hold a secret is shown
    /// without it, and would be that of all channels of a site.
    pub fn subject(&self, feed: i64, url: &str) -> String {
        let shown = shown(url);
        match self.names.get(url) {
            _ if shown == url => shown,
            Some(name) => format!("{name}, {shown} (source {feed})"),
            None => format!("{shown} (source {feed})"),
        }
    }

    /// The outlet's name: the configured one, else the feed's own title, else its address.
    pub fn outlet(&self, url: &str, title: Option<&str>) -> String {
        outlet(self.names.get(url).map(String::as_str), url, title)
    }
}

/// An outlet's name: see [`Plan::outlet`].
pub fn outlet(configured: Option<&str>, url: &str, title: Option<&str>) -> String {
    let name = configured.or(title).filter(|name| !name.is_empty());
    name.map_or_else(|| host_of(url), str::to_owned)
}

fn host_of(url: &str) -> String {
    let parsed = Url::parse(url).ok();
    parsed.as_ref().and_then(Url::host_str).unwrap_or(url).to_owned()
}
