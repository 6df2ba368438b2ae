//! `habar test-mail`.

use serde_json::{Value, json};

use super::args::Global;
use super::output::{self, style};
use super::{Exit, Failure, Loaded, Result, block_on, load_config};
use crate::daemon::assemble::{bare, configured_mailer};
use crate::domain::digest;
use crate::io::mail::{Delivery, Envelope, Mailer, Step};
use crate::time::Clock;

/// Send one real mail the configured way and show each step
#[derive(Debug, clap::Args)]
pub struct TestMail {
    /// The address to send to (default: those of `[mail] to`)
    #[arg(value_name = "TO")]
    to: Option<String>,
}

impl TestMail {
    /// Runs the command.
    pub fn run(self, global: &Global) -> Result {
        let loaded = load_config(global)?;
        let to = self.to.map_or_else(|| loaded.config.mail.to.clone(), |to| vec![to]);
        let mailer = configured_mailer(&loaded.config, &loaded.state)?;
        let via = loaded.config.via_in(&loaded.state).to_string();
        if global.json {
            return block_on(send_all(&loaded, &mailer, &via, &to))?;
        }
        output::say(global, format!("by {via}"))?;
        block_on(async {
            for to in &to {
                output::say(global, format!("to {to}"))?;
                show(global, &loaded, &mailer, to).await?;
            }
            Ok(Exit::Done)
        })?
    }
}

/// For people: each step as it is taken, and nothing more after a failure.
async fn show(global: &Global, loaded: &Loaded, mailer: &Mailer, to: &str) -> Result<()> {
    let mut printed = Ok(());
    let delivery = send(loaded, mailer, to, &mut |step| {
        if !global.quiet && printed.is_ok() {
            printed =
                output::line(format!("  {:<9} {}", step.phase.to_string(), output::plain(&step.detail)));
        }
    })
    .await?;
    printed?;
    match delivery {
        Delivery::Sent { reply } => {
            output::line(format!("{} {}", output::paint(style::GOOD, "sent:"), output::plain(&reply)))
        }
        Delivery::Retry { reason, .. } => Err(Failure::new(Exit::TryLater, format!("not sent: {reason}"))),
        Delivery::Dead { reply } => {
            Err(Failure::new(Exit::Unavailable, format!("refused for good: {reply}")))
        }
    }
}

/// For programs: every mail, whatever became of the one before it.
async fn send_all(loaded: &Loaded, mailer: &Mailer, via: &str, to: &[String]) -> Result {
    let mut mails = Vec::new();
    let mut exit = Exit::Done;
    for to in to {
        let mut steps = Vec::new();
        let delivery = send(loaded, mailer, to, &mut |step| {
            steps.push(json!({ "phase": step.phase.to_string(), "detail": step.detail }));
        })
        .await?;
        let (sent, reply, worse) = match delivery {
            Delivery::Sent { reply } => (true, reply, exit),
            Delivery::Retry { reason, .. } => (false, reason, Exit::TryLater),
            Delivery::Dead { reply } => (false, reply, Exit::Unavailable),
        };
        exit = worse;
        mails.push(json!({ "to": to, "sent": sent, "reply": reply, "steps": steps }));
    }
    output::json(&json!({ "via": via, "mails": Value::from(mails) }))?;
    Ok(exit)
}

async fn send(
    loaded: &Loaded,
    mailer: &Mailer,
    to: &str,
    told: &mut (dyn FnMut(Step) + Send),
) -> Result<Delivery> {
    let mail = &loaded.config.mail;
    let sender = bare(&mail.from);
    let domain = sender.rsplit_once('@').map_or("localhost", |(_, domain)| domain);
    let now = Clock::System.now();
    let message_id = format!("<test.{}.{}@{domain}>", now.millis(), std::process::id());
    let composed = digest::test_mail(&mail.from, to, &message_id, now, &mail.zone)
        .map_err(|error| Failure::new(Exit::Usage, format!("no mail to {to}: {error}")))?;
    let envelope = Envelope { from: sender, to, message_id: &message_id, bytes: &composed.bytes };
    Ok(mailer.send(&envelope, told).await)
}
