//! What a source is asked with, and by which way: `headers`, `auth` and `proxy`.

use std::path::{Path, PathBuf};

use toml::Spanned;
use url::Url;

use super::Checker;
use crate::config::diagnostic::{At, suggest};
use crate::config::include::reason;
use crate::config::raw::{self, Entry, Table, Text};
use crate::io::http::{Credentials, Login, OwnHeader, Proxy, Route, Worth};

/// Where systemd puts the credentials of the shipped unit, seen from outside of it.
const CREDENTIALS: &str = "/run/credentials/habar.service";
/// The keys of `auth`.
const AUTH: [&str; 3] = ["user", "password_file", "token_file"];
/// More headers than anybody needs.
const HEADERS: usize = 32;

impl Checker<'_> {
    /// The proxy of all sources that name none.
    pub(super) fn usual_proxy(&mut self, raw: &raw::Http) -> Option<Proxy> {
        match self.proxy(&raw.proxy, &raw.proxy_password_file) {
            Route::Through(proxy) => Some(proxy),
            Route::Usual | Route::Direct => None,
        }
    }

    pub(super) fn route(&mut self, raw: &raw::Source) -> Route {
        self.proxy(&raw.proxy, &raw.proxy_password_file)
    }

    fn proxy(&mut self, raw: &Text, password_file: &Text) -> Route {
        let password_file = password_file.as_ref().filter(|file| !file.get_ref().is_empty());
        let is_direct = |text: &Spanned<String>| matches!(text.get_ref().trim(), "" | "direct");
        let proxy: Option<Proxy> = match raw {
            Some(text) if is_direct(text) => None,
            _ => self.parsed("proxy", raw),
        };
        match (proxy, raw, password_file) {
            (Some(proxy), _, Some(file)) if proxy.user().is_some() => {
                Route::Through(proxy.with_password(self.secret(file)))
            }
            (Some(proxy), Some(text), None) if proxy.user().is_some() => {
                let help = "for example: proxy_password_file = \"/etc/habar/proxy.password\"";
                self.error(text, "this proxy has a user and no password", help);
                Route::Usual
            }
            (proxy, _, file) => {
                let was_read = raw.as_ref().is_none_or(is_direct) || proxy.is_some();
                if let Some(file) = file.filter(|_| was_read) {
                    let help = "write the user and an @ before the host in proxy, or take this out";
                    self.error(file, "proxy_password_file without a user in proxy", help);
                }
                match (proxy, raw) {
                    (Some(proxy), _) => Route::Through(proxy),
                    (None, Some(_)) => Route::Direct,
                    (None, None) => Route::Usual,
                }
            }
        }
    }

    pub(super) fn credentials(&mut self, raw: &raw::Source, url: &Url, private: bool) -> Option<Credentials> {
        let headers = self.headers(&raw.headers);
        let login = self.auth(&raw.auth);
        if headers.is_empty() && login.is_none() {
            return None;
        }
        let at = raw.auth.as_ref().map(Spanned::span);
        let authorization = headers.iter().find(|(_, header)| header.name() == "authorization");
        if let (Some(_), Some((name, _))) = (&login, authorization) {
            self.error(name, "auth and an Authorization header exclude each other", "take one of them out");
        }
        let is_secret = |header: &OwnHeader| {
            header.is_in_file() || is_always_secret(header.name()) || sounds_secret(header.name())
        };
        let secret = headers.iter().find(|(_, header)| is_secret(header));
        let span = at.or(secret.map(|(name, _)| name.span()));
        if let Some(span) = span.filter(|_| url.scheme() == "http" && !private) {
            let message = "this goes over the network as it is: the source's address begins with http:";
            let help = "write https:// in its url, if the server answers there".to_owned();
            self.report.warn(&At { file: self.file, span }, message, help);
        }
        let headers = headers.into_iter().map(|(_, header)| header).collect();
        Some(Credentials::new(url.clone(), headers, login))
    }

    fn headers(&mut self, raw: &Table) -> Vec<(Spanned<String>, OwnHeader)> {
        let mut headers: Vec<(Spanned<String>, OwnHeader)> = Vec::new();
        let Some(table) = raw else { return headers };
        for (name, entry) in table.get_ref() {
            let value = match entry.get_ref() {
                Entry::Text(text) => Worth::Text(text.clone()),
                Entry::File(file) => Worth::File(self.secret(file)),
            };
            let in_text = matches!(value, Worth::Text(_));
            let header = match OwnHeader::new(name.get_ref(), value) {
                Ok(header) => header,
                Err(bad) => {
                    self.error(name, format!("{:?}: {bad}", name.get_ref()), bad.remedy());
                    continue;
                }
            };
            if headers.iter().any(|(_, known)| known.name() == header.name()) {
                self.error(name, format!("{:?} is there twice", name.get_ref()), "take one of the two out");
            } else if headers.len() == HEADERS {
                self.error(name, format!("more than {HEADERS} headers"), "take some out");
                break;
            } else if in_text && is_always_secret(header.name()) {
                let help = format!("write it into a file: {} = {{ file = \"…\" }}", name.get_ref());
                self.error(name, format!("{:?} is a secret", name.get_ref()), help);
            } else {
                if in_text && sounds_secret(header.name()) {
                    let help = format!("better in a file: {} = {{ file = \"…\" }}", name.get_ref());
                    let message = format!("whoever reads this file reads the value of {:?}", name.get_ref());
                    self.warn(name, message, help);
                }
                headers.push((name.clone(), header));
            }
        }
        headers
    }

    fn auth(&mut self, raw: &Table) -> Option<Login> {
        let table = raw.as_ref()?;
        let mut texts = Vec::new();
        let mut flawed = false;
        for (key, entry) in table.get_ref() {
            let name = key.get_ref().as_str();
            match entry.get_ref() {
                Entry::Text(text) if AUTH.contains(&name) && !text.trim().is_empty() => {
                    texts.push((name, Spanned::new(entry.span(), text.clone())));
                    continue;
                }
                _ if AUTH.contains(&name) => {
                    let help = format!("for example: {name} = {:?}", example(name));
                    self.error(key, format!("{name:?} must be a text in quotes"), help);
                }
                _ => self.unknown_auth(key),
            }
            flawed = true;
        }
        if flawed {
            return None;
        }
        let text = |name: &str| texts.iter().find(|(key, _)| *key == name).map(|(_, text)| text);
        match (text("user"), text("password_file"), text("token_file")) {
            (Some(user), Some(password), None) => {
                let user = self.user(user)?;
                Some(Login::Basic { user, password: self.secret(password) })
            }
            (None, None, Some(token)) => Some(Login::Bearer(self.secret(token))),
            _ => {
                let at = At { file: self.file, span: table.span() };
                let help =
                    "write { user = \"…\", password_file = \"…\" }, or { token_file = \"…\" }".to_owned();
                self.report.error(&at, "auth is a user and a password, or a token", help);
                None
            }
        }
    }

    fn unknown_auth(&mut self, key: &Spanned<String>) {
        let name = key.get_ref().as_str();
        if matches!(name, "password" | "token") {
            let help = format!("write it into a file: {name}_file = {:?}", example(&format!("{name}_file")));
            return self.error(key, format!("{name:?}: a secret does not belong here"), help);
        }
        let help = match suggest(name, AUTH) {
            Some(meant) => format!("did you mean {meant:?}?"),
            None => format!("auth has {}", AUTH.join(", ")),
        };
        self.error(key, format!("unknown key {name:?} in auth"), help);
    }

    fn user(&mut self, raw: &Spanned<String>) -> Option<String> {
        let user = raw.get_ref();
        if user.contains(':') || user.chars().any(char::is_control) {
            self.error(
                raw,
                "a user has no colon and no control character",
                "write it as the server knows it",
            );
            return None;
        }
        Some(user.clone())
    }

    /// The file of a secret. A bare name may be a credential of the unit. Only a warning if it cannot be read:
    /// whoever reads the config need not be the user that asks.
    fn secret(&mut self, raw: &Spanned<String>) -> PathBuf {
        let name = Path::new(raw.get_ref());
        let credential = self.credential(name);
        let is_bare = name.components().count() == 1 && name.file_name().is_some();
        let is_credential = is_bare && credential.exists();
        let path = if is_credential { credential } else { self.path(raw) };
        if let Err(error) = std::fs::File::open(&path) {
            let message = format!("{} cannot be read: {}", path.display(), reason(&error));
            self.warn(raw, message, "nothing is asked with it until the user of the daemon can read it");
        } else if !is_credential && self.environment.unit.as_ref().is_some_and(|unit| unit.cannot_read(&path))
        {
            let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let help = format!(
                "hand it over with LoadCredential={file}:{} in a drop-in, and write {file:?} here",
                path.display()
            );
            let message =
                format!("{} cannot be read by the service, which runs as a user of its own", path.display());
            self.warn(raw, message, help);
        }
        path
    }

    /// Where a credential of the unit lies; outside of the unit, while it does not run, where the unit takes it from.
    pub(super) fn credential(&self, name: &Path) -> PathBuf {
        let own = self.environment.credentials_directory.as_deref();
        let handed = own.unwrap_or(Path::new(CREDENTIALS)).join(name);
        if own.is_some() || handed.exists() {
            return handed;
        }
        let taken_from = || self.environment.unit.as_ref()?.credential(name.to_str()?);
        taken_from().unwrap_or(handed)
    }
}

fn example(key: &str) -> &'static str {
    match key {
        "user" => "habar",
        "token_file" => "/etc/habar/example.token",
        _ => "/etc/habar/example.password",
    }
}

fn is_always_secret(header: &str) -> bool {
    matches!(header, "authorization" | "cookie")
}

fn sounds_secret(header: &str) -> bool {
    let parts = ["token", "secret", "password", "session", "auth-", "signature"];
    header.ends_with("key") || header.ends_with("auth") || parts.iter().any(|part| header.contains(part))
}
