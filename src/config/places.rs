//! Where the config and the state lie when nobody says so.

use std::path::{Path, PathBuf};

use super::unit::Unit;

/// What the environment says about places.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    /// `$HABAR_CONFIG`
    pub habar_config: Option<PathBuf>,
    /// `$STATE_DIRECTORY`, which systemd sets to what the unit's `StateDirectory=` names.
    pub state_directory: Option<PathBuf>,
    /// `$CREDENTIALS_DIRECTORY`, which systemd sets for the unit's `LoadCredential=`.
    pub credentials_directory: Option<PathBuf>,
    /// `$XDG_CONFIG_HOME`
    pub xdg_config_home: Option<PathBuf>,
    /// `$XDG_STATE_HOME`
    pub xdg_state_home: Option<PathBuf>,
    /// `$HOME`
    pub home: Option<PathBuf>,
    /// The unit for which a config is read from outside of it.
    pub unit: Option<Unit>,
}

impl Environment {
    /// The environment of this process; an empty variable counts as unset.
    pub fn of_this_process() -> Self {
        let path = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        Self {
            habar_config: path("HABAR_CONFIG"),
            state_directory: path("STATE_DIRECTORY"),
            credentials_directory: path("CREDENTIALS_DIRECTORY"),
            xdg_config_home: path("XDG_CONFIG_HOME"),
            xdg_state_home: path("XDG_STATE_HOME"),
            home: path("HOME"),
            unit: None,
        }
    }

    /// The same, with the unit that a config below `/etc` is meant for, unless this process is the unit's own.
    #[must_use]
    pub fn with_unit_of(self, config: &Path) -> Self {
        let outside = config.starts_with("/etc") && self.state_directory.is_none();
        Self { unit: outside.then(Unit::of_this_machine), ..self }
    }

    fn user_folder(&self, xdg: Option<&PathBuf>, below_home: &str) -> Option<PathBuf> {
        // The XDG specification has relative values ignored.
        let xdg = xdg.filter(|path| path.is_absolute()).cloned();
        Some(xdg.or_else(|| Some(self.home.as_ref()?.join(below_home)))?.join("habar"))
    }
}

const HERE: &str = "config/habar.toml";
const SYSTEM: &str = "/etc/habar/habar.toml";
/// Where systemd keeps the state of the shipped unit.
pub(super) const SYSTEM_STATE: &str = "/var/lib/habar";

/// The config: the explicit one, else `$HABAR_CONFIG`, else the first that `exists` of `./config/habar.toml`,
/// the user's and the system's. When there is none, the first is named, since that is what `init` writes.
pub fn find(explicit: Option<&Path>, environment: &Environment, exists: impl Fn(&Path) -> bool) -> PathBuf {
    if let Some(path) = explicit.or(environment.habar_config.as_deref()) {
        return path.to_owned();
    }
    let user = environment.user_folder(environment.xdg_config_home.as_ref(), ".config");
    let usual = [Some(HERE.into()), user.map(|folder| folder.join("habar.toml")), Some(SYSTEM.into())];
    usual.into_iter().flatten().find(|path| exists(path)).unwrap_or_else(|| HERE.into())
}

/// The state directory: the explicit one, else `$STATE_DIRECTORY`, else `/var/lib/habar` for a config below
/// `/etc`, else the user's.
pub fn state_dir(explicit: Option<&Path>, config: &Path, environment: &Environment) -> PathBuf {
    if let Some(path) = explicit {
        return path.to_owned();
    }
    if let Some(paths) = &environment.state_directory {
        // systemd joins several with colons; the first is the unit's own.
        let first = paths.to_str().and_then(|paths| paths.split(':').next()).map(PathBuf::from);
        return first.unwrap_or_else(|| paths.clone());
    }
    let system = PathBuf::from(SYSTEM_STATE);
    if config.starts_with("/etc") {
        return system;
    }
    environment.user_folder(environment.xdg_state_home.as_ref(), ".local/state").unwrap_or(system)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn home() -> Environment {
        Environment { home: Some("/home/ada".into()), ..Environment::default() }
    }

    #[test]
    fn the_first_config_that_exists_is_found() {
        let cases = [
            (None, home(), &["config/habar.toml", "/etc/habar/habar.toml"][..], "config/habar.toml"),
            (
                None,
                home(),
                &["/home/ada/.config/habar/habar.toml", SYSTEM],
                "/home/ada/.config/habar/habar.toml",
            ),
            (None, home(), &[SYSTEM], SYSTEM),
            (None, home(), &[], "config/habar.toml"),
            (None, Environment::default(), &[SYSTEM], SYSTEM),
            (Some("mine.toml"), home(), &["config/habar.toml"], "mine.toml"),
            (
                None,
                Environment { habar_config: Some("env.toml".into()), ..home() },
                &["config/habar.toml"],
                "env.toml",
            ),
            (
                None,
                Environment { xdg_config_home: Some("/xdg".into()), ..home() },
                &["/xdg/habar/habar.toml"],
                "/xdg/habar/habar.toml",
            ),
            (
                None,
                Environment { xdg_config_home: Some("xdg".into()), ..home() },
                &["xdg/habar/habar.toml"],
                HERE,
            ),
        ];
        for (explicit, environment, existing, expected) in cases {
            let found = find(explicit.map(Path::new), &environment, |path| {
                existing.iter().any(|e| path == Path::new(e))
            });
            assert_eq!(found, Path::new(expected), "{explicit:?} {environment:?}");
        }
    }

    #[test]
    fn the_state_follows_the_config() {
        let unit = || Environment { state_directory: Some("/var/lib/habar:/var/lib/other".into()), ..home() };
        let xdg = || Environment { xdg_state_home: Some("/xdg".into()), ..home() };
        let cases = [
            (Some("/srv/state"), SYSTEM, unit(), "/srv/state"),
            (None, SYSTEM, unit(), "/var/lib/habar"),
            (None, SYSTEM, home(), "/var/lib/habar"),
            (None, HERE, home(), "/home/ada/.local/state/habar"),
            (None, HERE, xdg(), "/xdg/habar"),
            (None, HERE, Environment::default(), "/var/lib/habar"),
        ];
        for (explicit, config, environment, expected) in cases {
            let state = state_dir(explicit.map(Path::new), Path::new(config), &environment);
            assert_eq!(state, Path::new(expected), "{explicit:?} {config}");
        }
    }
}
