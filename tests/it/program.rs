//! The built program as a service: in a folder of its own, with its log at hand.

use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(30);

/// What could lead the program elsewhere, or make it believe that a service manager listens.
const STRAY: [&str; 13] = [
    "HABAR_CONFIG",
    "STATE_DIRECTORY",
    "CREDENTIALS_DIRECTORY",
    "XDG_CONFIG_HOME",
    "XDG_STATE_HOME",
    "NO_COLOR",
    "RUST_LOG",
    "NOTIFY_SOCKET",
    "WATCHDOG_USEC",
    "WATCHDOG_PID",
    "INVOCATION_ID",
    "JOURNAL_STREAM",
    "COLUMNS",
];

/// A folder with a config and a state.
pub struct Home {
    folder: TempDir,
}

/// What a command came to.
pub struct Ended {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Home {
    /// A home with this config.
    pub fn new(config: &str) -> Self {
        let home = Self { folder: TempDir::new().unwrap() };
        home.save(config);
        home
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn config(&self) -> PathBuf {
        self.path().join("habar.toml")
    }

    pub fn state(&self) -> PathBuf {
        self.path().join("state")
    }

    pub fn database(&self) -> PathBuf {
        self.state().join("habar.db")
    }

    /// Saves the config as careful editors do: written beside it, and put in its place.
    pub fn save(&self, config: &str) {
        let new = self.path().join("habar.toml.new");
        std::fs::write(&new, config).unwrap();
        std::fs::rename(new, self.config()).unwrap();
    }

    /// A command on this home.
    pub fn habar(&self, arguments: &[&str]) -> Command {
        self.habar_by(&[], arguments)
    }

    /// A command on this home, run by another program.
    pub fn habar_by(&self, by: &[&str], arguments: &[&str]) -> Command {
        let words: Vec<&str> = by.iter().copied().chain([env!("CARGO_BIN_EXE_habar")]).collect();
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).arg("--config").arg(self.config()).arg("--state").arg(self.state());
        command.args(arguments).current_dir(self.path()).env("HOME", self.path()).kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        for name in STRAY {
            command.env_remove(name);
        }
        command
    }

    /// Runs a command to its end.
    pub async fn run(&self, arguments: &[&str]) -> Ended {
        end(self.habar(arguments)).await
    }

    /// Starts the daemon and waits until it says that it runs.
    pub async fn daemon(&self) -> Daemon {
        let daemon = Daemon::spawn(self.habar(&["run"]));
        daemon.wait_to_hear("habar runs").await;
        daemon
    }

    /// One number out of the store.
    pub fn ask(&self, sql: &str) -> i64 {
        let store = Connection::open_with_flags(self.database(), OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
        store.query_row(sql, [], |row| row.get(0)).unwrap()
    }
}

/// Runs a command to its end.
pub async fn end(mut command: Command) -> Ended {
    let output = timeout(PATIENCE, command.output()).await.expect("an end in time").unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ended { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// A running daemon; killed when dropped.
pub struct Daemon {
    child: Child,
    log: watch::Receiver<String>,
    reading: JoinHandle<()>,
}

impl Daemon {
    /// Starts a command and listens to its log.
    pub fn spawn(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let (said, log) = watch::channel(String::new());
        let reading = tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                said.send_modify(|log| {
                    log.push_str(&line);
                    log.push('\n');
                });
            }
        });
        Self { child, log, reading }
    }

    pub fn id(&self) -> u32 {
        self.child.id().expect("it runs")
    }

    /// What it has logged until now.
    pub fn log(&self) -> String {
        self.log.borrow().clone()
    }

    /// Waits until the log holds this.
    pub async fn wait_to_hear(&self, text: &str) {
        self.wait_until(text, |log| log.contains(text)).await;
    }

    /// Waits until the log is like this.
    pub async fn wait_until(&self, what: &str, mut is_so: impl FnMut(&str) -> bool) {
        let mut log = self.log.clone();
        let heard = timeout(PATIENCE, log.wait_for(|log| is_so(log))).await;
        assert!(matches!(heard, Ok(Ok(_))), "waited for {what:?} in:\n{}", self.log());
    }

    /// Sends a signal by its name.
    pub fn signal(&self, name: &str) {
        let pid = self.id().to_string();
        let sent = std::process::Command::new("kill").args(["-s", name, &pid]).status().unwrap();
        assert!(sent.success());
    }

    /// Waits for the end; says how it was and what was logged.
    pub async fn ended(mut self) -> (ExitStatus, String) {
        let status = timeout(PATIENCE, self.child.wait()).await.expect("an end in time").unwrap();
        self.reading.await.unwrap();
        (status, self.log.borrow().clone())
    }

    /// Stops it in order; returns its log.
    pub async fn stop(self) -> String {
        self.signal("TERM");
        let (status, log) = self.ended().await;
        assert_eq!(status.code(), Some(0), "{log}");
        log
    }

    /// SIGKILL, which nothing can prepare for.
    pub async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }
}

/// A config that asks loopback at once and often, and mails without waiting. `more` comes before the sources.
pub fn config(via: &str, sources: &[url::Url], keywords: &str, more: &str) -> String {
    let source = |url: &url::Url| {
        format!("[[source]]\nurl = \"{url}\"\nfull_text = {}\n", url.path().contains("/full"))
    };
    let sources = sources.iter().map(source).collect::<String>();
    format!(
        "[mail]\nfrom = \"Habar <habar@example.org>\"\nto = [\"desk@example.org\"]\nvia = \"{via}\"\n\
         [http]\nallow_private = [\"127.0.0.0/8\"]\nhost_gap = \"0s\"\n\
         [delivery]\ngather = \"0s\"\nretry = \"1s\"\nfold_after = 100000\n\
         {more}\n{sources}\n[[watch]]\nname = \"Rivers\"\nkeywords = {keywords}\n"
    )
}

/// Polls as often as can be configured.
pub const EAGER: &str = "[polling]\nbudget = 86400\nfloor = \"1s\"\nceiling = \"1s\"\n";

/// An entry of a feed.
pub struct Item {
    pub guid: String,
    pub title: String,
    pub summary: String,
    pub link: Option<String>,
}

/// An RSS document with these entries.
pub fn rss(items: &[Item]) -> String {
    let item = |Item { guid, title, summary, link }: &Item| {
        let link = link.as_ref().map(|link| format!("<link>{link}</link>")).unwrap_or_default();
        format!(
            "<item><guid isPermaLink=\"false\">{guid}</guid><title>{title}</title>{link}\
             <description>{summary}</description></item>"
        )
    };
    let items = items.iter().map(item).collect::<String>();
    format!("<rss version=\"2.0\"><channel><title>Outlet</title>{items}</channel></rss>")
}
