//! Who logs in at a mail server, and with what. A secret never appears in `Debug`, errors or logs.

use std::fmt;
use std::path::{Path, PathBuf};

/// A login at a mail server.
#[derive(Clone, Debug)]
pub struct Login {
    /// The name to log in with.
    pub user: String,
    /// What proves it.
    pub secret: Secret,
}

/// What proves a login. Files are read anew at each login, so that a changed one needs no restart.
#[derive(Clone, Debug)]
pub enum Secret {
    /// A password, for PLAIN or LOGIN.
    Password(Password),
    /// An OAuth 2 access token in a file that something else keeps fresh, for XOAUTH2.
    Token(PathBuf),
}

/// Where a password is.
#[derive(Clone)]
pub enum Password {
    /// The password itself.
    Text(String),
    /// In a file.
    File(PathBuf),
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(_) => f.write_str("Text(…)"),
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
        }
    }
}

impl Secret {
    /// The secret's present text; the error names the file, never what is in it.
    pub(super) async fn read(&self) -> Result<String, String> {
        match self {
            Self::Password(Password::Text(text)) => usable(text.clone().into_bytes(), "the password"),
            Self::Password(Password::File(path)) => read(path, "password_file").await,
            Self::Token(path) => read(path, "token_file").await,
        }
    }
}

async fn read(path: &Path, key: &str) -> Result<String, String> {
    let name = format!("{key} {}", path.display());
    let bytes = tokio::fs::read(path).await.map_err(|e| format!("{name}: {e}"))?;
    usable(bytes, &name)
}

/// Editors end a file with a newline that belongs to no password.
fn usable(bytes: Vec<u8>, name: &str) -> Result<String, String> {
    const LONGEST: usize = 16 * 1024;
    let text = String::from_utf8(bytes).map_err(|_| format!("{name} is not UTF-8 text"))?;
    match text.trim_end_matches(['\r', '\n']) {
        "" => Err(format!("{name} is empty")),
        secret if secret.contains('\0') => Err(format!("{name} contains a NUL byte")),
        secret if secret.len() > LONGEST => Err(format!("{name} is longer than {LONGEST} bytes")),
        secret => Ok(secret.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_loses_its_newline_and_nothing_else() {
        let cases: [(&[u8], Result<&str, &str>); 6] = [
            (b"hunter2\n", Ok("hunter2")),
            (b"hunter2\r\n", Ok("hunter2")),
            (b" spaces count ", Ok(" spaces count ")),
            (b"\n", Err("it is empty")),
            (b"a\0b", Err("it contains a NUL byte")),
            (b"\xff", Err("it is not UTF-8 text")),
        ];
        for (bytes, expected) in cases {
            assert_eq!(usable(bytes.to_vec(), "it").as_deref().map_err(String::as_str), expected);
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        let secret = Secret::Password(Password::Text("hunter2".to_owned()));
        let login = Login { user: "me".to_owned(), secret };
        assert!(!format!("{login:?}").contains("hunter2"));
    }
}
