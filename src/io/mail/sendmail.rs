//! Mail through a local program that speaks like `sendmail`: `-i -f FROM -- TO`, the mail on its input.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::{Delivery, Envelope, Phase, Step, one_line, unix_lines};

/// A program that takes mails.
#[derive(Clone, Debug)]
pub struct Sendmail {
    path: PathBuf,
    deadline: Duration,
}

/// What of the program's complaints is kept.
const COMPLAINTS: usize = 4096;
/// A child of the program may hold its error output open after the program has ended.
const LAST_WORDS: Duration = Duration::from_secs(1);

impl Sendmail {
    /// The program at `path`, killed when it takes longer than `deadline`.
    pub fn new(path: PathBuf, deadline: Duration) -> Self {
        Self { path, deadline }
    }

    pub(super) async fn send(&self, mail: &Envelope<'_>, steps: &mut (dyn FnMut(Step) + Send)) -> Delivery {
        if let Err(reason) = self.probe().await {
            return Delivery::Retry { reason, unknown: false, transport: true };
        }
        if [mail.from, mail.to].iter().any(|a| a.is_empty() || a.contains(|c: char| c.is_control())) {
            return Delivery::Dead {
                reply: one_line(&format!("{} to {} is no address", mail.from, mail.to)),
            };
        }
        let delivery = match self.start(mail) {
            Ok(child) => self.feed(child, &unix_lines(mail.bytes)).await,
            Err(e) => {
                Delivery::Retry { reason: self.reason(&e.to_string()), unknown: false, transport: true }
            }
        };
        if let Delivery::Sent { reply } = &delivery {
            steps(Step { phase: Phase::Run, detail: reply.clone() });
        }
        delivery
    }

    pub(super) async fn probe(&self) -> Result<(), String> {
        match tokio::fs::metadata(&self.path).await {
            Err(e) => Err(self.reason(&e.to_string())),
            Ok(meta) if !meta.is_file() => Err(self.reason("is no file")),
            Ok(meta) if meta.permissions().mode() & 0o111 == 0 => Err(self.reason("is not executable")),
            Ok(_) => Ok(()),
        }
    }

    fn start(&self, mail: &Envelope<'_>) -> io::Result<Child> {
        Command::new(&self.path)
            .args(["-i", "-f", mail.from, "--", mail.to])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
    }

    async fn feed(&self, mut child: Child, bytes: &[u8]) -> Delivery {
        let (stdin, stderr) = (child.stdin.take(), child.stderr.take());
        let mut listener = JoinSet::new();
        listener.spawn(complaints(stderr));
        let mut written = false;
        let run = async {
            if let Some(mut stdin) = stdin {
                written = stdin.write_all(bytes).await.is_ok() && stdin.shutdown().await.is_ok();
            }
            child.wait().await
        };
        let status = match timeout(self.deadline, run).await {
            Ok(Ok(status)) => status,
            Ok(Err(e)) => return retry(self.reason(&e.to_string()), written),
            // Dropping the child kills it.
            Err(_) => {
                return retry(self.reason(&format!("no end after {:?}, killed", self.deadline)), written);
            }
        };
        let said = timeout(LAST_WORDS, listener.join_next()).await;
        let said = said.ok().flatten().and_then(Result::ok).unwrap_or_default();
        self.verdict(status, written, &said)
    }

    fn verdict(&self, status: ExitStatus, written: bool, said: &str) -> Delivery {
        let says = if said.trim().is_empty() { String::new() } else { format!(": {said}") };
        let Some(code) = status.code() else {
            let signal = status.signal().unwrap_or_default();
            return retry(self.reason(&format!("killed by signal {signal}{says}")), written);
        };
        let reason = self.reason(&format!("exit status {code} ({}){says}", meaning(code)));
        match code {
            0 if written => {
                Delivery::Sent { reply: one_line(&format!("taken by {}{says}", self.path.display())) }
            }
            0 => retry(self.reason("took the mail without reading it to its end"), true),
            // The mail or its recipient is at fault.
            65 | 67 => Delivery::Dead { reply: reason },
            // The program or this machine is: everything else would meet it too.
            64 | 68 | 70..=74 | 77 | 78 | 126 | 127 => {
                Delivery::Retry { reason, unknown: false, transport: true }
            }
            // 69 and 75 do not say whose fault it is, so they are worth trying again.
            _ => retry(reason, false),
        }
    }

    fn reason(&self, what: &str) -> String {
        one_line(&format!("{}: {what}", self.path.display()))
    }
}

fn retry(reason: String, unknown: bool) -> Delivery {
    Delivery::Retry { reason, unknown, transport: false }
}

/// The names of sysexits.h.
fn meaning(code: i32) -> &'static str {
    match code {
        0 => "ok",
        64 => "usage",
        65 => "bad mail",
        67 => "no such user",
        68 => "no such host",
        69 => "unavailable",
        70 => "internal error",
        71 => "system error",
        72 => "system file missing",
        73 => "cannot create",
        74 => "input/output error",
        75 => "temporary failure",
        76 => "protocol error",
        77 => "permission denied",
        78 => "configuration error",
        _ => "unknown",
    }
}

/// The beginning of what is said; the rest is read too, or the program would wait for its reader.
async fn complaints(stderr: Option<impl AsyncRead + Unpin>) -> String {
    let Some(mut stderr) = stderr else { return String::new() };
    let mut kept = Vec::new();
    let mut part = [0; 1024];
    while let Ok(n @ 1..) = stderr.read(&mut part).await {
        let room = COMPLAINTS - kept.len();
        kept.extend_from_slice(&part[..n.min(room)]);
    }
    String::from_utf8_lossy(&kept).into_owned()
}
