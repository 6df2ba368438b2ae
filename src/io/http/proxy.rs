//! The way to a server: straight, or through a proxy that the administrator chose.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use url::Url;

use crate::io::secret;

/// The way a request takes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Route {
    /// The one of all requests.
    #[default]
    Usual,
    /// None but the way itself.
    Direct,
    /// This proxy.
    Through(Proxy),
}

/// A proxy. It may stand in a private network: the administrator named it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Proxy {
    /// Scheme, user, host and port.
    url: Url,
    password: Option<PathBuf>,
}

/// Why a text names no proxy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadProxy {
    /// It is no address.
    #[error("this is no address of a proxy: write http://proxy.example.org:3128")]
    Address,
    /// Nothing stands before the host.
    #[error(
        "this does not say how the proxy is spoken to: write http:// before it (or https://, socks5h://)"
    )]
    NoScheme,
    /// Names would be resolved here, or not at all.
    #[error("{0}: is not supported: write socks5h://, with which the proxy resolves the names")]
    Socks(String),
    /// Another scheme.
    #[error("{0}: is no way to speak to a proxy: write http://, https:// or socks5h://")]
    Scheme(String),
    /// There is a password in it.
    #[error("the password does not belong here: write it into a file and proxy_password_file = \"…\"")]
    Password,
    /// There is a path or a query in it.
    #[error("a proxy has no path: write only its host and port")]
    Path,
}

impl FromStr for Proxy {
    type Err = BadProxy;

    fn from_str(text: &str) -> Result<Self, BadProxy> {
        let text = text.trim();
        if !text.contains("://") {
            return Err(BadProxy::NoScheme);
        }
        let url = Url::parse(text).map_err(|_| BadProxy::Address)?;
        match url.scheme() {
            "http" | "https" | "socks5h" => {}
            socks if socks.starts_with("socks") => return Err(BadProxy::Socks(socks.to_owned())),
            other => return Err(BadProxy::Scheme(other.to_owned())),
        }
        if url.password().is_some() {
            return Err(BadProxy::Password);
        }
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            return Err(BadProxy::Path);
        }
        // What the library cannot read, it would pass by without a word.
        let is_read = url.as_str().parse::<hyper::Uri>().is_ok_and(|uri| uri.host().is_some());
        if url.host_str().is_none_or(str::is_empty) || !is_read {
            return Err(BadProxy::Address);
        }
        Ok(Self { url, password: None })
    }
}

impl Proxy {
    /// The same with the file of its user's password.
    #[must_use]
    pub fn with_password(self, file: PathBuf) -> Self {
        Self { password: Some(file), ..self }
    }

    /// The user to log in as; percent-encoded.
    pub fn user(&self) -> Option<&str> {
        Some(self.url.username()).filter(|user| !user.is_empty())
    }

    pub(super) fn url(&self) -> &Url {
        &self.url
    }

    /// The host's name, as it will be looked up.
    pub(super) fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    pub(super) fn speaks_socks(&self) -> bool {
        self.url.scheme() == "socks5h"
    }

    /// The present password of its user.
    pub(super) async fn read_password(&self) -> Result<Option<String>, String> {
        match &self.password {
            None => Ok(None),
            Some(path) => secret::read(path, "proxy_password_file").await.map(Some),
        }
    }

    /// For the library.
    pub(super) fn all(&self, password: Option<&str>) -> reqwest::Result<reqwest::Proxy> {
        let mut url = self.url.clone();
        // It has a host, so it can have a password.
        let _ = url.set_password(password);
        reqwest::Proxy::all(url)
    }
}

/// Without the user.
impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.url.scheme(), self.host())?;
        self.url.port().map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_kinds_of_proxies_are_known() {
        let cases = [
            ("http://proxy.example:3128", Ok("http://proxy.example:3128")),
            ("https://PROXY.example/", Ok("https://proxy.example")),
            (" socks5h://habar@127.0.0.1:9050 ", Ok("socks5h://127.0.0.1:9050")),
            ("http://[::1]:3128", Ok("http://[::1]:3128")),
            ("socks5h://[fd00::1]:1080", Ok("socks5h://[fd00::1]:1080")),
            ("proxy.example:3128", Err(BadProxy::NoScheme)),
            ("socks5://proxy.example", Err(BadProxy::Socks("socks5".to_owned()))),
            ("ftp://proxy.example", Err(BadProxy::Scheme("ftp".to_owned()))),
            ("http://me:pw@proxy.example", Err(BadProxy::Password)),
            ("http://proxy.example/pac", Err(BadProxy::Path)),
            ("http://proxy.example?x", Err(BadProxy::Path)),
            ("http://", Err(BadProxy::Address)),
            ("socks5h://:1080", Err(BadProxy::Address)),
            ("socks5h://a b", Err(BadProxy::Address)),
            ("socks5h://прокси.example", Err(BadProxy::Address)),
        ];
        for (text, expected) in cases {
            let read: Result<Proxy, BadProxy> = text.parse();
            assert_eq!(read.map(|p| p.to_string()), expected.map(str::to_owned), "{text}");
        }
    }

    #[test]
    fn debug_shows_no_user() {
        let proxy: Proxy = "http://hunter2@proxy.example".parse().unwrap();
        assert_eq!(proxy.user(), Some("hunter2"));
        assert!(!format!("{:?}", Route::Through(proxy)).contains("hunter2"));
    }
}
