//! `habar add`: what can be polled behind any address, as a source.

use indicatif::ProgressBar;
use url::Url;

use super::args::Global;
use super::output;
use super::{Exit, Failure, Loaded, Result, block_on, load_config, writing};
use crate::config::{NewSource, Source};
use crate::daemon::assemble::http_client;
use crate::domain::address::{self, BadAddress};
use crate::domain::discovery::Choice;
use crate::domain::text;

mod ask;
mod search;
mod show;

use ask::Asker;
use search::Search;

/// Find the feed behind an address and add it to the config
///
/// URL is the address of a feed, of a page, or only the name of a site. What the page names as its feed is
/// taken; else what it links to, else what lies where feeds usually are. Where there is no feed, it is a sitemap
/// of news, or the list of news that the page is.
#[derive(Debug, clap::Args)]
pub struct Add {
    /// The address; https:// may be left out
    #[arg(value_name = "URL")]
    address: String,

    /// What the outlet is called in mails; the feed's own title without it
    #[arg(long)]
    name: Option<String>,

    /// What watches select it by; may be given more than once
    #[arg(long, value_name = "TAG")]
    tag: Vec<String>,

    /// Of several feeds take these, by their numbers
    #[arg(long, value_name = "N", value_delimiter = ',')]
    pick: Vec<usize>,

    /// Of several that are equally good take the first
    #[arg(long, conflicts_with = "pick")]
    yes: bool,

    #[command(flatten)]
    into: writing::Into,
}

/// What to take of what was found.
enum Taken {
    /// These, by their places in [`Search::found`].
    These(Vec<usize>),
    /// So many are equally good.
    Undecided(usize),
    /// None that is meant.
    None,
}

impl Add {
    /// Runs the command.
    pub fn run(self, global: &Global) -> Result {
        let url = address::read(&self.address).map_err(|bad| no_address(&bad))?;
        let loaded = load_config(global)?;
        if let Some(source) = configured(&loaded, &url) {
            return tell_known(global, &url, source);
        }
        let search = self.search(global, &loaded, &url)?;
        if search.found.is_empty() {
            if global.json {
                output::json(&show::nothing(&search, &url))?;
            }
            return Err(show::no_feed(&search));
        }
        let choice = search.choice();
        let taken = self.take(&search, &choice)?;
        let picked: &[usize] = if let Taken::These(these) = &taken { these } else { &[] };
        let is_configured = |url: &Url| configured(&loaded, url).is_some();
        let (known, new): (Vec<usize>, Vec<usize>) =
            picked.iter().partition(|at| is_configured(&search.found[**at].url));
        let sources: Vec<NewSource> = new.iter().map(|at| self.source(&search, *at)).collect();
        let outcome = self.into.write(&loaded, self.into.file(&loaded, None), &sources)?;
        if global.json {
            let mut told = show::as_json(&search, &choice, &url, is_configured);
            told["picked"] = picked.iter().map(|at| search.found[*at].url.as_str()).collect();
            show::join(&mut told, outcome.as_json(&self.into));
            output::json(&told)?;
            return if picked.is_empty() { Err(undecided(&taken)) } else { outcome.end() };
        }
        // A dry run prints nothing but lines, unless there is something to choose.
        if !global.quiet && (!self.into.is_dry_run() || picked.is_empty()) {
            show::tell(&search, &choice, picked, is_configured)?;
        }
        if picked.is_empty() {
            return Err(undecided(&taken));
        }
        for at in known {
            let found = &search.found[at].url;
            if let Some(source) = configured(&loaded, found) {
                output::say(global, format!("{found} is configured already{}", called(source)))?;
            }
        }
        if new.is_empty() {
            return Ok(Exit::Done);
        }
        let what = match &sources[..] {
            [source] => source.name.clone().unwrap_or_else(|| source.url.to_string()),
            several => output::counted(several.len(), "source"),
        };
        outcome.tell(global, &loaded, &self.into, &what)
    }

    fn search(&self, global: &Global, loaded: &Loaded, url: &Url) -> Result<Search> {
        let client = http_client(&loaded.config)?;
        let bar =
            if global.quiet || global.json { ProgressBar::hidden() } else { ProgressBar::new_spinner() };
        let (gap, sources) = (loaded.config.http.host_gap, &loaded.config.sources);
        let mut asker = Asker::new(client, gap, sources, url, bar.clone());
        let search = block_on(Search::run(&mut asker, ways(&self.address, url)))?;
        bar.finish_and_clear();
        search.ok_or_else(|| Failure::new(Exit::Usage, "an address is needed"))
    }

    fn take(&self, search: &Search, choice: &Choice) -> Result<Taken> {
        if self.pick.is_empty() {
            return Ok(match choice.equals {
                0 => Taken::None,
                equals if equals > 1 && !self.yes => Taken::Undecided(equals),
                _ => Taken::These(choice.order.iter().take(1).copied().collect()),
            });
        }
        let mut these = Vec::new();
        for number in &self.pick {
            let at = number.checked_sub(1).and_then(|at| choice.order.get(at));
            let Some(at) = at else {
                let count = output::counted(search.found.len(), "feed");
                return Err(Failure::new(
                    Exit::Usage,
                    format!("--pick {number}: there {} {count}", are(search)),
                )
                .help("`habar add URL --dry-run` writes nothing; without --pick the numbers are shown"));
            };
            if !these.contains(at) {
                these.push(*at);
            }
        }
        if self.name.is_some() && these.len() > 1 {
            return Err(
                Failure::new(Exit::Usage, "one --name for several feeds").help("pick them one by one")
            );
        }
        Ok(Taken::These(these))
    }

    fn source(&self, search: &Search, at: usize) -> NewSource {
        let found = &search.found[at];
        let titles = [found.document.title.as_deref(), found.lead.title.as_deref(), search.title.as_deref()];
        let title = titles.into_iter().flatten().map(text::clean).find(|title| !title.is_empty());
        let name = self.name.clone().or_else(|| title.map(|title| text::cut(&title, 100)));
        let kind = (found.kind != "feed").then(|| ("kind", found.kind.to_owned()));
        let item = found.item.clone().map(|item| ("item", item));
        let more = kind.into_iter().chain(item).collect();
        NewSource { url: found.url.clone(), name, tags: self.tag.clone(), more }
    }
}

fn are(search: &Search) -> &'static str {
    if search.found.len() == 1 { "is" } else { "are" }
}

fn no_address(bad: &BadAddress) -> Failure {
    let failure = Failure::new(Exit::Usage, bad.to_string());
    match bad {
        BadAddress::Password => failure.help(
            "add it without them, and write its login under its [[source]]: \
             auth = { user = \"…\", password_file = \"…\" }",
        ),
        _ => failure.help("for example: habar add https://example.org/"),
    }
}

/// The source of this place, as far as there is one.
fn configured<'l>(loaded: &'l Loaded, url: &Url) -> Option<&'l Source> {
    let place = address::place(url);
    loaded.config.sources.iter().find(|source| address::place(&source.url) == place)
}

fn tell_known(global: &Global, url: &Url, source: &Source) -> Result {
    if global.json {
        output::json(&show::known(url, source))?;
    } else {
        output::say(global, format!("{url} is configured already{}", called(source)))?;
    }
    Ok(Exit::Done)
}

fn called(source: &Source) -> String {
    source.name.as_ref().map_or(String::new(), |name| format!(", as {}", output::plain(name)))
}

/// The ways to write an address: where no scheme was given, its site may answer to others only.
fn ways(written: &str, url: &Url) -> Vec<Url> {
    let mut ways = vec![url.clone()];
    if written.contains("://") {
        return ways;
    }
    let mut add = |change: &dyn Fn(&mut Url) -> bool| {
        let mut way = url.clone();
        if change(&mut way) && !ways.contains(&way) {
            ways.push(way);
        }
    };
    let host = url.host_str().unwrap_or_default();
    if url.domain().is_some_and(|name| name.contains('.') && !name.starts_with("www.")) {
        add(&|way| way.set_host(Some(&format!("www.{host}"))).is_ok());
    }
    add(&|way| way.set_scheme("http").is_ok());
    // Servers on ports of their own seldom have a certificate.
    if url.port().is_some() {
        ways.reverse();
    }
    ways
}

/// Why nothing was taken.
fn undecided(taken: &Taken) -> Failure {
    match taken {
        Taken::Undecided(equals) => Failure::new(
            Exit::Usage,
            format!("{equals} feeds are equally good: nothing was written"),
        )
        .help(
            "take one of them by its number with --pick N, several with --pick 1,2, or the first with --yes",
        ),
        _ => Failure::new(
            Exit::NoInput,
            "only feeds that are empty or have readers' comments: nothing was written",
        )
        .help("take one all the same with --pick N"),
    }
}
