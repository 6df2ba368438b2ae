//! What the shipped systemd unit's sandbox keeps from working, and what to do about it.

use std::path::Path;

use crate::io::mail::Via;

/// Whether this process runs in a unit that gives up new privileges, as the shipped one does.
pub fn in_sandbox() -> bool {
    let in_unit =
        std::env::var_os("INVOCATION_ID").is_some() && std::env::var_os("STATE_DIRECTORY").is_some();
    in_unit && std::fs::read_to_string("/proc/self/status").is_ok_and(|status| gives_up_privileges(&status))
}

fn gives_up_privileges(status: &str) -> bool {
    status.lines().any(|line| line.strip_prefix("NoNewPrivs:").is_some_and(|value| value.trim() == "1"))
}

/// Why mail cannot leave by `via` from inside the sandbox, and the remedy. A Maildir outside of `state` may have
/// been opened by a drop-in: there this is only true when writing to it fails.
pub fn sandbox_refusal(via: &Via, state: &Path) -> Option<String> {
    match via {
        Via::Smtp { .. } => None,
        Via::Maildir { dir } if state.join(dir).starts_with(state) => None,
        Via::Maildir { dir } => Some(format!(
            "the unit may write to {state} only: write via = \"maildir:mail\", or open the folder with \
             `systemctl edit habar`: [Service] ReadWritePaths={dir}",
            state = state.display(),
            dir = dir.display(),
        )),
        Via::Sendmail { .. } => Some(
            "sendmail needs privileges that the unit gives up (NoNewPrivileges=yes): write \
             via = \"smtp://localhost?tls=none\", which the same mail server answers"
                .to_owned(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_sandbox_cannot_serve_is_refused() {
        let state = Path::new("/var/lib/habar");
        let cases = [
            ("smtps://mail.example.org", None),
            ("smtp://localhost?tls=none", None),
            ("maildir:mail", None),
            ("maildir:/var/lib/habar/mail", None),
            ("maildir:/home/ada/Maildir", Some("ReadWritePaths=/home/ada/Maildir")),
            ("sendmail:", Some("via = \"smtp://localhost?tls=none\"")),
        ];
        for (via, remedy) in cases {
            let refusal = sandbox_refusal(&via.parse().unwrap(), state);
            assert_eq!(refusal.is_some(), remedy.is_some(), "{via}");
            assert!(refusal.unwrap_or_default().contains(remedy.unwrap_or_default()), "{via}");
        }
    }

    #[test]
    fn the_kernel_says_whether_privileges_are_given_up() {
        let cases = [("Name:\thabar\nNoNewPrivs:\t1\n", true), ("NoNewPrivs:\t0\n", false), ("", false)];
        for (status, given_up) in cases {
            assert_eq!(gives_up_privileges(status), given_up, "{status:?}");
        }
    }
}
