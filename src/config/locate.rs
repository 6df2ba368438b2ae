//! Where a source stands in the files, for people who want to take it out.

use std::path::{Path, PathBuf};

use url::Url;

/// The lines of a `[[source]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// The file.
    pub file: PathBuf,
    /// The number of its first line, from 1.
    pub line: usize,
    /// Its lines.
    pub lines: Vec<String>,
}

/// The first `[[source]]` of `url` in these files; none where it is written in another form.
pub fn find_source(files: &[PathBuf], url: &Url) -> Option<Block> {
    files.iter().find_map(|file| {
        let text = std::fs::read_to_string(file).ok()?;
        find(file, &text, url)
    })
}

fn find(file: &Path, text: &str, url: &Url) -> Option<Block> {
    let lines: Vec<&str> = text.lines().collect();
    lines.iter().enumerate().filter(|(_, line)| names(line, url)).find_map(|(at, _)| {
        let first = (0..at).rev().find(|line| is_header(lines[*line]))?;
        if !lines[first].split_whitespace().collect::<String>().starts_with("[[source]]") {
            return None;
        }
        let end = (at..lines.len()).find(|line| is_header(lines[*line])).unwrap_or(lines.len());
        let belongs = |line: &str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
        let last = (at..end).rev().find(|line| belongs(lines[*line]))?;
        let lines = lines[first..=last].iter().map(|line| (*line).to_owned()).collect();
        Some(Block { file: file.to_owned(), line: first + 1, lines })
    })
}

/// Whether this line says `url = "…"` of the address, however it is quoted.
fn names(line: &str, url: &Url) -> bool {
    let is_key = line.trim_start().starts_with("url") || line.trim_start().starts_with("\"url");
    let value = |table: toml::Table| Url::parse(table.get("url")?.as_str()?.trim()).ok();
    is_key && toml::from_str(line).ok().and_then(value).as_ref() == Some(url)
}

fn is_header(line: &str) -> bool {
    line.starts_with('[')
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "\
# Sources
[mail]
url = \"https://a.example/\"

[[source]] # the first
name = 'A'
url = 'https://A.example'
tags = [
    \"x\",
]

# About the second.
[[ source ]]
url = \"https://b.example/feed?x=1\"   # where it is
[[watch]]
name = \"W\"
";

    #[test]
    fn a_source_is_found_with_all_its_lines_and_no_others() {
        let cases = [
            ("https://a.example/", Some((5, 6))),
            ("https://b.example/feed?x=1", Some((13, 2))),
            ("https://b.example/feed", None),
        ];
        for (url, expected) in cases {
            let found = find(Path::new("f"), FILE, &Url::parse(url).unwrap());
            assert_eq!(found.map(|block| (block.line, block.lines.len())), expected, "{url}");
        }
    }
}
