//! `habar outbox retry` and `habar outbox drop`: what a person decides about a mail.

use serde_json::json;

use super::super::asking::{Heeder, ask};
use super::super::{Global, ago, load_config, read_store};
use super::{Exit, Failure, Result, missing, output};
use crate::io::store::outbox::{self, Entry};
use crate::io::store::requests::{MailRequest, Request};
use crate::time::Clock;

/// Has a mail sent at once.
pub fn retry(global: &Global, id: i64, any_way: bool) -> Result {
    let (line, bytes) = find(global, id)?;
    let verb = "go again";
    refuse_settled(&line, verb)?;
    if bytes.is_empty() {
        return Err(Failure::new(
            Exit::Usage,
            format!("message {id} cannot {verb}: its text is no longer kept"),
        ));
    }
    // While it is on its way, the column says by which way.
    let may_have_gone_by = line.via.as_deref().filter(|_| !line.under_way);
    let mut risk = None;
    if let Some(via) = may_have_gone_by {
        if any_way {
            risk = Some(format!("it may arrive twice: {via} may have taken it already"));
        } else {
            refuse_other_way(global, id, via)?;
        }
    }
    let request = if any_way { MailRequest::RetryAnyWay } else { MailRequest::Retry };
    leave(global, &line, request, "sends it", risk)
}

/// Has a mail sent no more.
pub fn drop(global: &Global, id: i64) -> Result {
    let (line, _) = find(global, id)?;
    refuse_settled(&line, "be dropped")?;
    let gone = line.via.is_some().then(|| "it may have been taken already".to_owned());
    leave(global, &line, MailRequest::Drop, "cancels it; what it tells counts as told", gone)
}

fn find(global: &Global, id: i64) -> Result<(Entry, Vec<u8>)> {
    let found = read_store(global, |connection| outbox::show(connection, id))?;
    found.map(|(shown, bytes)| (shown.line, bytes)).ok_or_else(|| missing(id))
}

fn refuse_settled(line: &Entry, verb: &str) -> Result<()> {
    let when = ago(line.settled_at, Clock::System.now());
    let why = match line.state.as_str() {
        "sent" => format!("it was sent {when}: {}", output::plain(&line.reply)),
        "cancelled" => format!("it was cancelled {when}: {}", output::plain(&line.reply)),
        _ => return Ok(()),
    };
    Err(Failure::new(Exit::Usage, format!("message {} cannot {verb}: {why}", line.id)))
}

/// Another way than the one that may have taken it would not know the copy by its Message-ID.
fn refuse_other_way(global: &Global, id: i64, via: &str) -> Result<()> {
    let loaded = load_config(global)?;
    let present = loaded.config.via_in(&loaded.state).to_string();
    if present == via {
        return Ok(());
    }
    let what = format!(
        "message {id} may have been sent by {via} already: its reply was never heard. Mail goes by {present} now"
    );
    Err(Failure::new(Exit::Usage, what)
        .help(format!("`habar outbox retry --any-way {id}` sends it all the same; it may arrive twice"))
        .help(format!("`habar outbox drop {id}` leaves it at that")))
}

fn leave(global: &Global, line: &Entry, what: MailRequest, does: &str, risk: Option<String>) -> Result {
    let heeder = ask(global, &Request::Mail(line.id, what))?.ok_or_else(|| {
        Failure::new(Exit::Usage, format!("message {} has just been sent or cancelled", line.id))
            .help(format!("`habar outbox show {}` tells", line.id))
    })?;
    tell(global, line, what, heeder, &heeder.will(does), risk)?;
    Ok(Exit::Done)
}

fn tell(
    global: &Global,
    line: &Entry,
    what: MailRequest,
    heeder: Heeder,
    said: &str,
    risk: Option<String>,
) -> Result<()> {
    if global.json {
        return output::json(&json!({
            "id": line.id,
            "asked": what.as_str(),
            "daemon": heeder,
            "message": said,
            "risk": risk,
        }));
    }
    output::line(format!("message {} to {}: {said}", line.id, output::plain(&line.to)))?;
    risk.map_or(Ok(()), |risk| output::line(output::paint(output::style::WARNING, risk)))
}
