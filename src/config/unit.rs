//! What the systemd unit of the daemon allows: what its sandbox keeps from working, and what a drop-in opens.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::io::mail::Via;

const NAME: &str = "habar.service";
const SHIPPED: &str = include_str!("../../systemd/habar.service");
/// Where systemd looks for units: what lies in an earlier folder hides its namesake in a later one.
const FOLDERS: [&str; 5] = [
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
];

/// A unit as its files say: the settings of `[Service]`, those of the drop-ins last, which is how they win.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unit {
    settings: Vec<(String, String)>,
}

/// Why mail cannot leave from inside a unit, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What the unit does not allow.
    pub what: String,
    /// What to write instead, or which drop-in to install.
    pub remedy: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what, self.remedy)
    }
}

impl Unit {
    /// The shipped unit without drop-ins.
    pub fn shipped() -> Self {
        Self::parse(SHIPPED)
    }

    /// The unit that is installed on this machine with its drop-ins; the shipped one where there is none.
    pub fn of_this_machine() -> Self {
        Self::installed_in(&FOLDERS.map(Path::new))
    }

    fn installed_in(folders: &[&Path]) -> Self {
        let main = folders.iter().find_map(|folder| fs::read_to_string(folder.join(NAME)).ok());
        let mut unit = Self::parse(main.as_deref().unwrap_or(SHIPPED));
        let mut dropins = BTreeMap::new();
        for folder in folders {
            let Ok(entries) = fs::read_dir(folder.join(format!("{NAME}.d"))) else { continue };
            for path in entries.filter_map(Result::ok).map(|entry| entry.path()) {
                if let Some(name) = path.file_name().filter(|_| path.extension().is_some_and(|e| e == "conf"))
                {
                    dropins.entry(name.to_owned()).or_insert(path);
                }
            }
        }
        let texts = dropins.values().filter_map(|path| fs::read_to_string(path).ok());
        unit.settings.extend(texts.flat_map(|text| Self::parse(&text).settings));
        unit
    }

    /// The settings of one file.
    pub(super) fn parse(text: &str) -> Self {
        let joined = text.replace("\\\n", " ");
        let lines = joined.lines().map(str::trim).filter(|line| !line.starts_with(['#', ';']));
        let mut in_service = false;
        let mut settings = Vec::new();
        for line in lines {
            if line.starts_with('[') {
                in_service = line == "[Service]";
            } else if let Some((key, value)) = line.split_once('=').filter(|_| in_service) {
                settings.push((key.trim().to_owned(), value.trim().to_owned()));
            }
        }
        Self { settings }
    }

    /// The file that the unit takes a credential from, unless it is sealed or taken from elsewhere.
    pub fn credential(&self, name: &str) -> Option<PathBuf> {
        let entries = self.list("LoadCredential");
        let (_, path) =
            entries.iter().filter_map(|entry| entry.split_once(':')).rfind(|(id, _)| *id == name)?;
        Some(PathBuf::from(path)).filter(|path| path.is_absolute())
    }

    /// Whether a file that root reads is shut to the unit: a user that exists only while the unit runs owns no file
    /// and is in no group, unless the unit gives it one.
    pub fn cannot_read(&self, path: &Path) -> bool {
        let open = fs::metadata(path).is_ok_and(|meta| {
            let its_own =
                || self.list("SupplementaryGroups").iter().any(|name| group(name) == Some(meta.gid()));
            meta.mode() & 0o004 != 0 || (meta.mode() & 0o040 != 0 && its_own())
        });
        self.is_on("DynamicUser") && !open
    }

    /// Whether a unit of ours is installed on this machine.
    pub fn is_installed() -> bool {
        FOLDERS.iter().any(|folder| Path::new(folder).join(NAME).exists())
    }

    /// Why mail cannot leave by `via`. `state` is what the unit may write to in any case.
    pub fn refusal(&self, via: &Via, state: &Path) -> Option<Refusal> {
        match via {
            Via::Smtp { .. } => None,
            Via::Maildir { dir } => self.refusal_of_folder(&state.join(dir), state),
            Via::Sendmail { .. } => self.refusal_of_sendmail(),
        }
    }

    fn refusal_of_sendmail(&self) -> Option<Refusal> {
        // A dynamic user never gains privileges, whatever else is set.
        let gives_up = self.is_on("NoNewPrivileges") || self.is_on("DynamicUser");
        gives_up.then(|| Refusal {
            what: "sendmail needs privileges that the unit gives up".to_owned(),
            remedy: "write via = \"smtp://localhost:25?tls=none\", which the same mail server answers, \
                     or install the drop-in systemd/habar.service.d/sendmail.conf"
                .to_owned(),
        })
    }

    fn refusal_of_folder(&self, dir: &Path, state: &Path) -> Option<Refusal> {
        if dir.starts_with(state) {
            return None;
        }
        let homes = ["/home", "/root", "/run/user"];
        if let Some(home) = homes.iter().find(|home| dir.starts_with(home)).filter(|_| self.hides_homes()) {
            return Some(Refusal {
                what: format!("the unit does not see what lies below {home}"),
                remedy:
                    "write via = \"maildir:mail\", or choose a folder elsewhere and open it with the drop-in \
                         systemd/habar.service.d/maildir.conf"
                        .to_owned(),
            });
        }
        let confined = self.is_on("DynamicUser") || self.last("ProtectSystem") == Some("strict");
        (confined && !self.opens(dir)).then(|| Refusal {
            what: format!("the unit may write to {} only", state.display()),
            remedy: format!(
                "write via = \"maildir:mail\", or open the folder with the drop-in \
                 systemd/habar.service.d/maildir.conf: ReadWritePaths={}",
                dir.display()
            ),
        })
    }

    fn opens(&self, dir: &Path) -> bool {
        let paths = ["ReadWritePaths", "BindPaths"].iter().flat_map(|key| self.list(key));
        paths
            .map(|path| path.trim_start_matches(['-', '+']))
            // BindPaths=SOURCE:DESTINATION:OPTIONS
            .map(|path| path.split(':').nth(1).unwrap_or(path))
            .any(|path| dir.starts_with(path))
    }

    fn hides_homes(&self) -> bool {
        self.is_on("ProtectHome") || self.last("ProtectHome") == Some("tmpfs")
    }

    fn is_on(&self, key: &str) -> bool {
        self.last(key).is_some_and(|value| matches!(value, "yes" | "true" | "on" | "1"))
    }

    fn last(&self, key: &str) -> Option<&str> {
        self.settings.iter().rfind(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    /// The words of a setting that adds up; an empty one starts anew.
    fn list(&self, key: &str) -> Vec<&str> {
        let mut words = Vec::new();
        for (_, value) in self.settings.iter().filter(|(name, _)| name == key) {
            if value.is_empty() {
                words.clear();
            }
            words.extend(value.split_whitespace());
        }
        words
    }
}

/// The number of a group, group(5).
fn group(name: &str) -> Option<u32> {
    let groups = fs::read_to_string("/etc/group").unwrap_or_default();
    let number = groups.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next() == Some(name)).then(|| fields.nth(1)?.parse().ok())?
    });
    number.or_else(|| name.parse().ok())
}

/// Whether this process runs in a unit that gives up new privileges, as the shipped one does.
pub fn in_sandbox() -> bool {
    let in_unit =
        std::env::var_os("INVOCATION_ID").is_some() && std::env::var_os("STATE_DIRECTORY").is_some();
    in_unit && fs::read_to_string("/proc/self/status").is_ok_and(|status| gives_up_privileges(&status))
}

fn gives_up_privileges(status: &str) -> bool {
    status.lines().any(|line| line.strip_prefix("NoNewPrivs:").is_some_and(|value| value.trim() == "1"))
}

/// Why mail cannot leave by `via` from inside the shipped unit. A Maildir outside of `state` may have been opened
/// by a drop-in: there this is only true when writing to it fails.
pub fn sandbox_refusal(via: &Via, state: &Path) -> Option<Refusal> {
    Unit::shipped().refusal(via, state)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATE: &str = "/var/lib/habar";

    fn refusal(unit: &Unit, via: &str) -> Option<String> {
        unit.refusal(&via.parse().unwrap(), Path::new(STATE)).map(|refusal| refusal.to_string())
    }

    /// The shipped unit with drop-ins.
    fn with(dropins: &[&str]) -> Unit {
        let folder = tempfile::tempdir().unwrap();
        let below = folder.path().join("habar.service.d");
        fs::create_dir(&below).unwrap();
        for (n, text) in dropins.iter().enumerate() {
            fs::write(below.join(format!("{n}.conf")), text).unwrap();
        }
        fs::write(below.join("notes.txt"), "[Service]\nNoNewPrivileges=no\nDynamicUser=no\n").unwrap();
        Unit::installed_in(&[Path::new("/proc/nowhere"), folder.path()])
    }

    const PASSWORD: &str = include_str!("../../systemd/habar.service.d/password.conf");
    const MAILDIR: &str = include_str!("../../systemd/habar.service.d/maildir.conf");
    const SENDMAIL: &str = include_str!("../../systemd/habar.service.d/sendmail.conf");

    #[test]
    fn only_what_the_sandbox_cannot_serve_is_refused() {
        let cases = [
            ("smtps://mail.example.org", None),
            ("smtp://localhost:25?tls=none", None),
            ("maildir:mail", None),
            ("maildir:/var/lib/habar/mail", None),
            ("maildir:/srv/mail/habar", Some("maildir.conf: ReadWritePaths=/srv/mail/habar")),
            ("maildir:/home/ada/Maildir", Some("does not see what lies below /home")),
            ("sendmail:", Some("via = \"smtp://localhost:25?tls=none\"")),
            ("sendmail:/usr/bin/msmtp", Some("systemd/habar.service.d/sendmail.conf")),
        ];
        for (via, remedy) in cases {
            let refused = refusal(&with(&[]), via);
            assert_eq!(refused.is_some(), remedy.is_some(), "{via}");
            assert!(refused.unwrap_or_default().contains(remedy.unwrap_or_default()), "{via}");
        }
    }

    #[test]
    fn each_drop_in_opens_what_it_is_for_and_no_more() {
        let cases = [
            (MAILDIR, "maildir:/srv/mail/habar", true),
            (MAILDIR, "maildir:/srv/mail/habar/sub", true),
            (MAILDIR, "maildir:/srv/mail", false),
            (MAILDIR, "maildir:/srv/mail/habarlar", false),
            (MAILDIR, "sendmail:", false),
            (SENDMAIL, "sendmail:", true),
            (SENDMAIL, "maildir:/srv/mail/habar", false),
            (PASSWORD, "sendmail:", false),
        ];
        for (dropin, via, opened) in cases {
            assert_eq!(refusal(&with(&[dropin]), via).is_none(), opened, "{via}\n{dropin}");
        }
    }

    #[test]
    fn a_unit_is_read_as_systemd_reads_it() {
        let folder = "maildir:/srv/mail";
        let cases: [(&[&str], &str, bool); 9] = [
            (&["[Service]\nReadWritePaths=/srv"], folder, true),
            (&["[Service]\n ReadWritePaths = -/var/tmp \\\n  +/srv/mail\n"], folder, true),
            (&["[Service]\nBindPaths=/home/ada/Maildir:/srv/mail"], folder, true),
            (&["[Service]\n#ReadWritePaths=/srv", "[Unit]\nReadWritePaths=/srv"], folder, false),
            (&["[Service]\nReadWritePaths=/srv", "[Service]\nReadWritePaths="], folder, false),
            (&["[Service]\nReadWritePaths=", "[Service]\nReadWritePaths=/srv"], folder, true),
            (&["[Service]\nProtectSystem=full\nDynamicUser=no"], folder, true),
            (&["[Service]\nNoNewPrivileges=no"], "sendmail:", false), // a dynamic user never gains privileges
            (&["[Service]\nProtectHome=no\nReadWritePaths=/home/ada"], "maildir:/home/ada/Maildir", true),
        ];
        for (dropins, via, opened) in cases {
            assert_eq!(refusal(&with(dropins), via).is_none(), opened, "{via} {dropins:?}");
        }
    }

    #[test]
    fn an_installed_unit_counts_instead_of_the_shipped_and_earlier_folders_win() {
        let (etc, lib) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::write(lib.path().join(NAME), "[Service]\nUser=habar\n").unwrap();
        let folders = [etc.path(), lib.path()];
        assert_eq!(refusal(&Unit::installed_in(&folders), "sendmail:"), None);
        for (folder, value) in [(lib.path(), "no"), (etc.path(), "yes")] {
            let below = folder.join("habar.service.d");
            fs::create_dir(&below).unwrap();
            fs::write(below.join("a.conf"), format!("[Service]\nNoNewPrivileges={value}")).unwrap();
        }
        assert!(refusal(&Unit::installed_in(&folders), "sendmail:").is_some());
    }

    #[test]
    fn a_credential_is_found_where_the_unit_takes_it_from() {
        let cases: [(&[&str], Option<&str>); 5] = [
            (&[], None),
            (&[PASSWORD], Some("/etc/habar/smtp.password")),
            (&[PASSWORD, "[Service]\nLoadCredential=smtp.password:/srv/secret"], Some("/srv/secret")),
            (&["[Service]\nLoadCredential=other:/srv/secret"], None),
            (&["[Service]\nLoadCredential=smtp.password"], None),
        ];
        for (dropins, path) in cases {
            assert_eq!(
                with(dropins).credential("smtp.password").as_deref(),
                path.map(Path::new),
                "{dropins:?}"
            );
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
