//! What systemd and the administrator's signals tell us, and we them.

use std::io;
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals that end the service.
#[derive(Debug)]
pub struct Ends {
    terminate: Signal,
    interrupt: Signal,
}

impl Ends {
    /// Starts listening.
    pub fn listen() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// The next one's name.
    pub async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

/// The signal that asks for a reload.
pub fn hangup() -> io::Result<Signal> {
    signal(SignalKind::hangup())
}

/// A start that says nothing for longer than this is given up.
pub const STARTS_WITHIN: Duration = Duration::from_secs(30);

/// The start goes on.
pub fn starting() {
    let micros = u32::try_from(STARTS_WITHIN.as_micros()).unwrap_or(u32::MAX);
    tell(&[NotifyState::ExtendTimeoutUsec(micros)]);
}

/// The store is open, the config is good, the stages run.
pub fn ready() {
    tell(&[NotifyState::Ready]);
}

/// A reload begins; [`ready`] ends it.
pub fn reloading() {
    // systemd ignores a reload that does not say when it began (Type=notify-reload).
    if let Ok(now) = NotifyState::monotonic_usec_now() {
        tell(&[NotifyState::Reloading, now]);
    }
}

/// The service ends.
pub fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// Everything still goes round.
pub fn alive() {
    tell(&[NotifyState::Watchdog]);
}

fn tell(state: &[NotifyState]) {
    // Without systemd nobody listens, and nobody misses it.
    let _ = sd_notify::notify(state);
}

/// How often systemd wants to hear that we live: half of `WatchdogSec`.
pub fn watchdog_interval() -> Option<Duration> {
    let micros: u64 = std::env::var("WATCHDOG_USEC").ok()?.parse().ok()?;
    let ours = std::env::var("WATCHDOG_PID").ok().is_none_or(|pid| pid.parse() == Ok(std::process::id()));
    ours.then(|| Duration::from_micros(micros / 2))
}
