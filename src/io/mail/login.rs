//! Who logs in at a mail server, and with what. A secret never appears in `Debug`, errors or logs.

use std::fmt;
use std::path::PathBuf;

use crate::io::secret;

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
            Self::Password(Password::Text(text)) => secret::usable(text.clone().into_bytes(), "the password"),
            Self::Password(Password::File(path)) => secret::read(path, "password_file").await,
            Self::Token(path) => secret::read(path, "token_file").await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_secret() {
        let secret = Secret::Password(Password::Text("hunter2".to_owned()));
        let login = Login { user: "me".to_owned(), secret };
        assert!(!format!("{login:?}").contains("hunter2"));
    }
}
