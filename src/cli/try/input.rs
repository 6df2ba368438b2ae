//! What `habar try` works on: a file, or an address asked under the same guard as the daemon asks.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use url::Url;

use super::{Exit, Failure, Global, Result, block_on, load_config};
use crate::config::{HttpConfig, Source};
use crate::io::http::{Accept, Client, Request, Settings, TOTAL_TIMEOUT, unpack};
use crate::io::tls;

/// The most that is read of a file: what the client keeps of a feed.
const LARGEST: usize = 16 * 1024 * 1024;

/// A document and what is known of it.
#[derive(Debug)]
pub struct Input {
    /// Its bytes.
    pub body: Vec<u8>,
    /// Its media type, if anybody said.
    pub content_type: Option<String>,
    /// Where it came from; relative links are read against this.
    pub url: Url,
}

impl Input {
    /// Where it came from, where that is known.
    pub fn address(&self) -> Option<&Url> {
        Some(&self.url).filter(|url| url.scheme() != "about")
    }
}

/// The address of what has none: no relative link resolves against it.
pub fn nowhere() -> Option<Url> {
    Url::parse("about:blank").ok()
}

/// The address given with a document, else one against which nothing resolves.
pub fn parse_url(url: Option<&str>) -> std::result::Result<Url, String> {
    match url {
        Some(url) => Url::parse(url).map_err(|error| format!("url: {error}")),
        None => nowhere().ok_or_else(|| "url: missing".to_owned()),
    }
}

/// Reads an ordinary file within bounds and undoes the gzip around it, if there is any.
pub fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not an ordinary file"));
    }
    read_all(file)
}

/// Reads standard input under the same rules.
pub fn read_stdin() -> io::Result<Vec<u8>> {
    read_all(io::stdin().lock())
}

fn read_all(source: impl io::Read) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    source.take(LARGEST as u64 + 1).read_to_end(&mut body)?;
    if body.len() > LARGEST {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("larger than {LARGEST} bytes")));
    }
    unpack(body, LARGEST).map_err(|failure| io::Error::new(io::ErrorKind::InvalidData, failure.to_string()))
}

/// Gets what a person named: `-` is standard input, an http address is asked, anything else is a file.
pub fn open(global: &Global, name: &str, url: Option<&str>, accept: Accept) -> Result<Input> {
    if let Some(address) = web_address(name) {
        return block_on(fetch(global, address, accept))?;
    }
    let url = parse_url(url).map_err(|error| Failure::new(Exit::Usage, error))?;
    let read = if name == "-" { read_stdin() } else { read_file(Path::new(name)) };
    let body = read.map_err(|error| Failure::reading(Path::new(name), &error))?;
    Ok(Input { body, content_type: None, url })
}

fn web_address(name: &str) -> Option<Url> {
    Url::parse(name).ok().filter(|url| matches!(url.scheme(), "http" | "https"))
}

async fn fetch(global: &Global, url: Url, accept: Accept) -> Result<Input> {
    let broken = |error: &dyn std::fmt::Display| Failure::new(Exit::Config, error.to_string());
    let config = if global.has_config() { Some(load_config(global)?.config) } else { None };
    let http = config.as_ref().map_or_else(HttpConfig::default, |config| config.http.clone());
    let tls = tls::client_config(http.ca_file.as_deref()).map_err(|error| broken(&error))?;
    let HttpConfig { contact, allow_private, proxy, .. } = http;
    let client = Client::new(Settings { contact, allow_private, total_timeout: TOTAL_TIMEOUT, tls, proxy })
        .map_err(|error| broken(&error))?;
    let sources = config.as_ref().map_or(&[][..], |config| &config.sources);
    let reply = client.get(&request(sources, url.clone(), accept)).await;
    let response = reply
        .result
        .map_err(|failure| Failure::new(Exit::Unavailable, format!("{url} cannot be read: {failure}")))?;
    if response.status != 200 {
        return Err(Failure::new(Exit::Unavailable, format!("{} answers {}", response.url, response.status)));
    }
    Ok(Input { body: response.body, content_type: response.content_type, url: response.url })
}

/// The request that the daemon would make for the source at this address, or for a page of the first source
/// at its origin.
fn request(sources: &[Source], url: Url, accept: Accept) -> Request {
    let own = sources.iter().find(|source| source.url == url);
    let own = own.or_else(|| sources.iter().find(|source| source.url.origin() == url.origin()));
    let mut request = Request::new(url, accept);
    if let Some(source) = own {
        request.credentials.clone_from(&source.credentials);
        request.route = source.route.clone();
    }
    request
}
