//! Secrets in files, read anew each time they are used: a changed one needs no restart. What is in them never
//! appears in errors or logs.

use std::path::Path;

/// The longest secret there is.
const LONGEST: usize = 16 * 1024;

/// The present text of the secret in a file; the error names `key` and the file, never what is in it.
pub async fn read(path: &Path, key: &str) -> Result<String, String> {
    let name = format!("{key} {}", path.display());
    let bytes = tokio::fs::read(path).await.map_err(|e| format!("{name}: {e}"))?;
    usable(bytes, &name)
}

/// Editors end a file with a newline that belongs to no secret.
pub(super) fn usable(bytes: Vec<u8>, name: &str) -> Result<String, String> {
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
}
