//! What a source's own server is told besides: the source's headers and its login. They go to the origin of the
//! source (scheme, host and port) and to no other, whatever redirects and pages say; and never with robots.txt.

use std::fmt;
use std::path::PathBuf;

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use url::Url;

use super::Accept;
use crate::io::secret;

/// The headers and the login of one source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    home: Url,
    headers: Vec<OwnHeader>,
    login: Option<Login>,
}

/// A header of the source's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnHeader {
    name: HeaderName,
    value: Worth,
}

/// What a header says.
#[derive(Clone, PartialEq, Eq)]
pub enum Worth {
    /// This.
    Text(String),
    /// What is in this file.
    File(PathBuf),
}

impl fmt::Debug for Worth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(_) => f.write_str("Text(…)"),
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
        }
    }
}

/// A login at a web server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Login {
    /// A user and the file of the password (RFC 7617).
    Basic {
        /// The user.
        user: String,
        /// The file.
        password: PathBuf,
    },
    /// The file of a token (RFC 6750).
    Bearer(PathBuf),
}

/// Why a header cannot be the source's own; the first sentence says what, the second what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadHeader(&'static str, &'static str);

impl BadHeader {
    /// What to write instead.
    pub fn remedy(&self) -> &'static str {
        self.1
    }
}

impl OwnHeader {
    /// A header that may be sent; one that habar or the connection needs for itself may not.
    pub fn new(name: &str, value: Worth) -> Result<Self, BadHeader> {
        let bad_name = BadHeader("this is no name of a header", "letters, digits and hyphens: X-Api-Key");
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad_name)?;
        if let Some(why) = taken(name.as_str()) {
            return Err(why);
        }
        match &value {
            Worth::Text(text) if text.trim().is_empty() => {
                Err(BadHeader("this header says nothing", "take it out, or write its value"))
            }
            Worth::Text(text) if value_of(text).is_none() => {
                Err(BadHeader("this cannot stand in a header", "one line of at most 8000 bytes"))
            }
            _ => Ok(Self { name, value }),
        }
    }

    /// Its name, in lower case.
    pub fn name(&self) -> &str {
        self.name.as_str()
    }

    /// Whether its value lies in a file.
    pub fn is_in_file(&self) -> bool {
        matches!(self.value, Worth::File(_))
    }
}

/// Why a header is not for a source to set.
fn taken(name: &str) -> Option<BadHeader> {
    const OUT: &str = "take it out";
    let why = match name {
        "host" | "content-length" | "transfer-encoding" | "connection" | "keep-alive" | "upgrade" | "te"
        | "trailer" | "expect" | "http2-settings" | "content-type" | "content-encoding" => {
            BadHeader("this header belongs to the connection", OUT)
        }
        "if-none-match" | "if-modified-since" | "if-match" | "if-unmodified-since" | "if-range" => BadHeader(
            "this header makes a request conditional, and the server's answer would hide news",
            "take it out: habar sends what the server gave it",
        ),
        "range" | "a-im" => BadHeader("this header asks for a part of the feed, and the rest is missed", OUT),
        "accept-encoding" => {
            BadHeader("this header would bring codings that are not understood", "take it out")
        }
        "user-agent" => BadHeader(
            "habar says who it is",
            "take it out; [http] contact adds whom administrators of the sites can ask",
        ),
        _ if name.starts_with("proxy-") => {
            BadHeader("this header is for a proxy", "take it out; a login there is proxy_password_file")
        }
        _ => return None,
    };
    Some(why)
}

/// A value that may stand in a header, marked so that no library shows it.
fn value_of(text: &str) -> Option<HeaderValue> {
    const LONGEST: usize = 8000;
    let mut value = HeaderValue::from_bytes(text.as_bytes()).ok().filter(|value| value.len() <= LONGEST)?;
    value.set_sensitive(true);
    Some(value)
}

/// What goes into a request.
#[derive(Default)]
pub(super) struct Presented {
    pub(super) headers: HeaderMap,
    pub(super) basic: Option<(String, String)>,
}

impl Credentials {
    /// Those of the source at `home`.
    pub fn new(home: Url, headers: Vec<OwnHeader>, login: Option<Login>) -> Self {
        Self { home, headers, login }
    }

    /// The names of the headers, in lower case.
    pub fn header_names(&self) -> Vec<String> {
        self.headers.iter().map(|header| header.name().to_owned()).collect()
    }

    /// How the source logs in.
    pub fn login(&self) -> Option<&Login> {
        self.login.as_ref()
    }

    /// Whether a request for `url` carries them.
    pub(super) fn go_with(&self, url: &Url, accept: Accept) -> bool {
        accept != Accept::Robots && self.home.origin() == url.origin()
    }

    /// Reads the files; the error names the file, never what is in it.
    pub(super) async fn read(&self) -> Result<Presented, String> {
        let mut presented = Presented::default();
        for OwnHeader { name, value } in &self.headers {
            let value = match value {
                Worth::Text(text) => text.clone(),
                Worth::File(path) => secret::read(path, &format!("header {name}, file")).await?,
            };
            let value =
                value_of(&value).ok_or_else(|| format!("header {name} has a value that cannot be sent"))?;
            presented.headers.insert(name, value);
        }
        match &self.login {
            None => {}
            Some(Login::Basic { user, password }) => {
                let password = secret::read(password, "password_file").await?;
                presented.basic = Some((user.clone(), password));
            }
            Some(Login::Bearer(path)) => {
                let token = secret::read(path, "token_file").await?;
                let value = value_of(&format!("Bearer {token}"))
                    .ok_or_else(|| format!("token_file {} cannot be sent", path.display()))?;
                presented.headers.insert(AUTHORIZATION, value);
            }
        }
        Ok(presented)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn they_belong_to_one_origin() {
        let own = Credentials::new(url("https://News.example/feed"), Vec::new(), None);
        let cases = [
            ("https://news.example/page", true),
            ("https://news.example:443/", true),
            ("http://news.example/feed", false),
            ("https://news.example:8443/feed", false),
            ("https://www.news.example/feed", false),
            ("https://news.example.evil.example/feed", false),
        ];
        for (address, belongs) in cases {
            assert_eq!(own.go_with(&url(address), Accept::Page), belongs, "{address}");
        }
        assert!(!own.go_with(&url("https://news.example/robots.txt"), Accept::Robots));
    }

    #[test]
    fn a_header_that_is_not_the_sources_to_set_is_refused() {
        let own = |name: &str, value: &str| OwnHeader::new(name, Worth::Text(value.to_owned()));
        for name in ["Accept-Language", "X-Api-Key", "Cookie", "Accept", "Authorization", "Referer"] {
            assert_eq!(own(name, "a").unwrap().name(), name.to_ascii_lowercase());
        }
        for name in ["HOST", "Connection", "If-None-Match", "Range", "Accept-Encoding", "User-Agent"] {
            assert!(own(name, "a").is_err(), "{name}");
        }
        for name in ["Proxy-Authorization", "", "a b", "a:", "a\nb", "ключ"] {
            assert!(own(name, "a").is_err(), "{name}");
        }
        for value in ["", " ", "a\r\nb: c", "\0", &"a".repeat(8001)] {
            assert!(own("X-A", value).is_err(), "{value:?}");
        }
        assert!(own("X-A", "Türkçe").is_ok(), "as its UTF-8");
    }

    #[test]
    fn debug_shows_no_secret() {
        let header = OwnHeader::new("X-Api-Key", Worth::Text("hunter2".to_owned())).unwrap();
        let own = Credentials::new(url("https://a.example/"), vec![header], None);
        assert!(!format!("{own:?}").contains("hunter2"));
    }

    #[tokio::test]
    async fn files_are_read_anew_and_named_when_they_cannot_be() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let own = Credentials::new(url("https://a.example/"), Vec::new(), Some(Login::Bearer(path.clone())));
        let said = own.read().await.err().unwrap();
        assert!(said.starts_with(&format!("token_file {}: No such file", path.display())), "{said}");
        for token in ["one", "two"] {
            std::fs::write(&path, format!("{token}\n")).unwrap();
            let value = own.read().await.unwrap_or_default().headers.remove(AUTHORIZATION).unwrap();
            assert_eq!((value.to_str().unwrap(), value.is_sensitive()), (&*format!("Bearer {token}"), true));
        }
    }
}
