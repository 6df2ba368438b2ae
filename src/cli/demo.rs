//! `habar demo`: a guided tour over a news site that runs on this machine.

use std::collections::HashSet;
use std::fs;
use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;

use super::args::Global;
use super::mailtext::{self, MailText};
use super::output::{self, Table, style};
use super::{Exit, Failure, Result, block_on, logging};
use crate::{config, daemon};
use texts::{OUTLETS, Outlet, Piece};

mod feeds;
mod pages;
pub mod site;
mod texts;

pub use site::Site;

/// See all of Habar in ten seconds, without network or set-up
///
/// Serves a small multilingual news site on this machine, polls it, mails into a Maildir, shows the
/// alerts, and tells where everything lies and what to do next.
#[derive(Debug, clap::Args)]
pub struct Demo {
    /// Go on serving the site after the tour, until Ctrl-C
    #[arg(long)]
    keep: bool,
}

impl Demo {
    /// Runs the command.
    pub fn run(self, global: &Global) -> Result {
        let place = Place::make(global.state.as_deref())?;
        block_on(tour(global, &place, self.keep))?
    }
}

/// One round over everything that is due, as `habar once --all` makes it.
async fn round(place: &Place) -> Result<()> {
    let config = config::load(&place.config()).map_err(daemon::Error::Config)?;
    Ok(daemon::once(&config, place.state(), true, |_| {}).await?)
}

/// How often the second round is made until the page that was down has been read.
const PATIENCE: usize = 6;

/// The folder of a demo: the config, and beside it everything Habar writes.
#[derive(Debug)]
struct Place {
    folder: PathBuf,
}

impl Place {
    /// The folder asked for, else a new one among the temporary files.
    fn make(asked: Option<&Path>) -> Result<Self> {
        let place = Self { folder: asked.map_or_else(new_folder, folder_of)? };
        if place.config().exists() {
            let message = format!("{} holds a demo or a config already", place.folder.display());
            return Err(
                Failure::new(Exit::CannotCreate, message).help("remove it, or name another: --state DIR")
            );
        }
        Ok(place)
    }

    fn config(&self) -> PathBuf {
        self.folder.join("habar.toml")
    }

    /// The folder as the state of the run.
    fn state(&self) -> &Path {
        &self.folder
    }

    fn maildir(&self) -> PathBuf {
        self.folder.join("mail")
    }

    /// The options with which other commands find this demo.
    fn options(&self) -> String {
        format!("--config {} --state {}", self.config().display(), self.state().display())
    }
}

fn folder_of(asked: &Path) -> Result<PathBuf> {
    fs::create_dir_all(asked).map_err(|error| Failure::creating(asked, &error))?;
    Ok(asked.to_owned())
}

/// A folder that was not there before: somebody else's under the same name is passed over.
fn new_folder() -> Result<PathBuf> {
    let temporary = std::env::temp_dir();
    for number in 1..1000 {
        let folder = temporary.join(format!("habar-demo-{number}"));
        match DirBuilder::new().mode(0o700).create(&folder) {
            Ok(()) => return Ok(folder),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(Failure::creating(&folder, &error)),
        }
    }
    let message = format!("{} is full of demos: habar-demo-1 to habar-demo-999", temporary.display());
    Err(Failure::new(Exit::CannotCreate, message).help("remove them, or name a folder: --state DIR"))
}

async fn tour(global: &Global, place: &Place, keep: bool) -> Result {
    let site =
        Site::start().await.map_err(|error| Failure::new(Exit::Unavailable, format!("no site: {error}")))?;
    let config = place.config();
    fs::write(&config, site.config()).map_err(|error| Failure::creating(&config, &error))?;
    let mut guide =
        Guide { silent: global.json || global.quiet, mails: Mails::new(&place.maildir()), asked: 0 };

    guide.opening(&site, place)?;
    round(place).await?;
    let first = guide.first_round(&site)?;
    guide.false_friends(&first)?;
    site.publish_second_edition();
    second_round(&site, place).await?;
    let second = guide.second_round(&site)?;
    guide.farewell(place)?;
    if global.json {
        let mails: Vec<_> = first.iter().chain(&second).collect();
        output::json(
            &json!({ "config": config, "state": place.state(), "maildir": place.maildir(), "mails": mails }),
        )?;
    }
    if keep {
        guide.keeping(&site, place)?;
        logging::start(global);
        let read = config::load(&config).map_err(daemon::Error::Config)?;
        daemon::run(config, read, place.state()).await?;
    }
    Ok(Exit::Done)
}

/// Rounds until the page that was down has come: its new try is due after a second, give or take.
async fn second_round(site: &Site, place: &Place) -> Result<()> {
    for _ in 0..PATIENCE {
        tokio::time::sleep(Duration::from_millis(1200)).await;
        round(place).await?;
        if stumbling().all(|(outlet, piece)| {
            let page = format!("/{}/{}.html", outlet.slug, piece.slug);
            site.requests().iter().any(|request| request.path == page && request.status == 200)
        }) {
            break;
        }
    }
    Ok(())
}

fn pieces() -> impl Iterator<Item = (&'static Outlet, &'static Piece)> {
    OUTLETS.iter().flat_map(|outlet| outlet.pieces.iter().map(move |piece| (outlet, piece)))
}

fn stumbling() -> impl Iterator<Item = (&'static Outlet, &'static Piece)> {
    pieces().filter(|(_, piece)| piece.stumbles)
}

/// Tells what happens, and shows what came of it.
struct Guide {
    silent: bool,
    mails: Mails,
    /// How many of the site's requests have been told of.
    asked: usize,
}

impl Guide {
    fn say(&self, text: impl std::fmt::Display) -> Result<()> {
        if self.silent { Ok(()) } else { output::line(text) }
    }

    fn step(&self, title: &str) -> Result<()> {
        self.say(format!("\n{}\n", output::paint(style::HEADING, title)))
    }

    fn opening(&self, site: &Site, place: &Place) -> Result<()> {
        self.say(
            "Habar watches the news for you. This tour needs no network: everything happens on this machine.",
        )?;
        self.step("1. A news site")?;
        self.say(format!("{} outlets now publish on {}:\n", OUTLETS.len(), site.base()))?;
        if !self.silent {
            outlets_table().print()?;
        }
        self.step("2. A config")?;
        self.say(format!(
            "{} lists their feeds, a folder for the mail and one watch:\n\
             the Organization of Turkic States, by its name in seven languages and as OTS.",
            place.config().display()
        ))
    }

    fn first_round(&mut self, site: &Site) -> Result<Vec<MailText>> {
        self.step("3. The first round")?;
        let asked = self.new_requests(site);
        self.say(format!("Habar polled {} feeds and read {} pages.", asked.feeds, asked.pages))?;
        for (outlet, piece) in stumbling().filter(|_| asked.refused > 0) {
            let title = output::paint(style::WARNING, format!("“{}”", piece.title));
            self.say(format!("One page of {} answered 503: {title}. It will be tried again.", outlet.name))?;
        }
        self.say(
            "\nThe summit made news at several outlets, which print the same wire report under other titles:\n\
             that is one story and one alert, and “also in” tells where else it stands. A name is found in\n\
             every form that grammar gives it; “matched” shows the keyword and the form.",
        )?;
        self.show_mails()
    }

    fn false_friends(&self, mails: &[MailText]) -> Result<()> {
        self.step("4. What raised no alarm")?;
        for (outlet, piece) in pieces() {
            let told = mails.iter().any(|mail| mail.text.contains(piece.title));
            if let Some(near) = piece.near.filter(|_| !told) {
                self.say(format!("“{}” ({})\n    {near}", piece.title, outlet.name))?;
            }
        }
        Ok(())
    }

    fn second_round(&mut self, site: &Site) -> Result<Vec<MailText>> {
        self.step("5. The second round")?;
        let asked = self.new_requests(site);
        self.say("Meanwhile two outlets have published more, and the page that was down is up again.")?;
        self.say(format!(
            "{} polls were answered with 304, nothing new; {} pages were read.",
            asked.unchanged, asked.pages
        ))?;
        self.say("The late reprint of the summit story is mentioned, but raises no second alarm.")?;
        self.show_mails()
    }

    fn farewell(&self, place: &Place) -> Result<()> {
        self.step("Where everything lies")?;
        self.say(format!("config   {}", place.config().display()))?;
        self.say(format!("store    {}", place.state().display()))?;
        self.say(format!(
            "mail     {}   (a Maildir, which most mail programs open)",
            place.maildir().display()
        ))?;
        self.step("What next")?;
        let command = |text: &str| output::paint(style::HELP, text);
        let outbox = format!("habar outbox {}", place.options());
        self.say(format!("What was mailed, and what became of it:\n    {}", command(&outbox)))?;
        self.say(format!(
            "This site and a daemon that watches it, until Ctrl-C:\n    {}",
            command("habar demo --keep")
        ))?;
        self.say(format!("A config of your own, with every option explained:\n    {}", command("habar init")))
    }

    fn keeping(&self, site: &Site, place: &Place) -> Result<()> {
        self.step("The daemon")?;
        let config = place.config();
        self.say(format!(
            "It watches {} until Ctrl-C. Change a keyword in {}",
            site.base(),
            config.display()
        ))?;
        self.say("and save: the daemon says what changed. In another terminal:")?;
        self.say(format!("    {}\n", output::paint(style::HELP, format!("habar status {}", place.options()))))
    }

    /// Counts the requests since the last step.
    fn new_requests(&mut self, site: &Site) -> Asked {
        let requests = site.requests();
        let mut asked = Asked::default();
        for request in requests.iter().skip(self.asked) {
            let page = Path::new(&request.path).extension().is_some_and(|extension| extension == "html");
            match request.status {
                200 if page => asked.pages += 1,
                200 if request.path != "/robots.txt" => asked.feeds += 1,
                304 => asked.unchanged += 1,
                503 => asked.refused += 1,
                _ => {}
            }
        }
        self.asked = requests.len();
        asked
    }

    fn show_mails(&mut self) -> Result<Vec<MailText>> {
        let mails = self.mails.new_ones()?;
        for mail in &mails {
            self.say(format!(
                "\n{} {}",
                output::paint(style::GOOD, "A mail:"),
                output::paint(style::HIT, output::plain(&mail.subject))
            ))?;
            for line in mail.text.trim_end().lines() {
                self.say(format!("  {} {}", output::paint(style::DIM, "│"), indented(line)))?;
            }
        }
        Ok(mails)
    }
}

/// A line of a mail that cannot drive the terminal, as far in as it was.
fn indented(line: &str) -> String {
    let indent = line.len() - line.trim_start_matches(' ').len();
    format!("{:indent$}{}", "", output::plain(line))
}

/// What the site was asked since the last step of the tour.
#[derive(Default)]
struct Asked {
    feeds: usize,
    pages: usize,
    unchanged: usize,
    refused: usize,
}

fn outlets_table() -> Table {
    let mut table = Table::new(&["OUTLET", "LANGUAGE", "FEED", "ARTICLES"]);
    for outlet in OUTLETS {
        let articles = outlet.pieces.iter().filter(|piece| piece.edition == 1).count().to_string();
        table.row([
            outlet.name,
            language_name(outlet.language),
            feeds::format_name(outlet.format),
            &articles,
        ]);
    }
    table.right(&[3]);
    table
}

fn language_name(code: &str) -> &str {
    match code {
        "az" => "Azerbaijani",
        "en" => "English",
        "hu" => "Hungarian",
        "kk" => "Kazakh",
        "ru" => "Russian",
        "tr" => "Turkish",
        "uz" => "Uzbek",
        other => other,
    }
}

/// The mails of a Maildir, each told once.
struct Mails {
    folder: PathBuf,
    told: HashSet<PathBuf>,
}

impl Mails {
    fn new(maildir: &Path) -> Self {
        Self { folder: maildir.join("new"), told: HashSet::new() }
    }

    fn new_ones(&mut self) -> Result<Vec<MailText>> {
        let mut files = match fs::read_dir(&self.folder) {
            Ok(files) => files.filter_map(|file| Some(file.ok()?.path())).collect::<Vec<_>>(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(Failure::reading(&self.folder, &error)),
        };
        files.sort();
        let mut mails = Vec::new();
        for file in files {
            if self.told.insert(file.clone()) {
                let bytes = fs::read(&file).map_err(|error| Failure::reading(&file, &error))?;
                mails.push(mailtext::read(&bytes));
            }
        }
        Ok(mails)
    }
}
