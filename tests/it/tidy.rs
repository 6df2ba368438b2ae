//! Rules about the source itself: who may import whom, how long a function may be, and that the map
//! in `src/lib.rs` and the README tell what is there.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// A screen.
const LONGEST_FUNCTION: usize = 70;

#[test]
fn layers_import_only_what_lies_below() {
    let mut wrong = Vec::new();
    for file in sources("src") {
        let Some(unit) = file.unit() else { continue };
        for import in file.imports() {
            match unit_of(&import.path) {
                Some(other) if may_import(&unit, &other) => {}
                _ => wrong.push(format!("{}:{}: {}", file.name, import.line, import.path.join("::"))),
            }
        }
    }
    assert!(wrong.is_empty(), "these imports pass the layers by:\n{}", wrong.join("\n"));
}

#[test]
fn modules_import_in_no_circle() {
    let mut edges: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for file in sources("src") {
        let Some(unit) = file.unit() else { continue };
        let others = file.imports().into_iter().filter_map(|import| unit_of(&import.path));
        edges.entry(unit.clone()).or_default().extend(others.filter(|other| *other != unit));
    }
    // What imports nothing that is left cannot be part of a circle.
    while let Some(leaf) = edges.iter().find(|(_, to)| to.is_empty()).map(|(unit, _)| unit.clone()) {
        edges.remove(&leaf);
        for others in edges.values_mut() {
            others.remove(&leaf);
        }
    }
    assert!(edges.is_empty(), "these import one another in a circle: {edges:#?}");
}

#[test]
fn the_domain_knows_no_machine() {
    const OUTSIDE: [&str; 13] = [
        "tokio",
        "reqwest",
        "hyper",
        "rusqlite",
        "rustls",
        "tracing",
        "SystemTime",
        "Instant",
        "rand",
        "fs",
        "env",
        "net",
        "thread",
    ];
    let mut wrong = Vec::new();
    for file in sources("src/domain") {
        for (number, line) in file.shipped().lines().enumerate() {
            let named = words(line).find(|word| OUTSIDE.contains(word));
            wrong.extend(named.map(|word| format!("{}:{}: {word}", file.name, number + 1)));
        }
        let clocks = file.imports().into_iter().filter(|import| import.path == ["time", "Clock"]);
        wrong.extend(clocks.map(|import| format!("{}:{}: time::Clock", file.name, import.line)));
    }
    assert!(wrong.is_empty(), "the domain takes the outside world as arguments:\n{}", wrong.join("\n"));
}

#[test]
fn functions_fit_on_a_screen() {
    let all = sources("src").into_iter().chain(sources("tests")).chain(sources("benches"));
    let long: Vec<_> = all
        .flat_map(|file| functions(&file.code).into_iter().map(move |function| (file.name.clone(), function)))
        .filter(|(_, function)| function.lines > LONGEST_FUNCTION)
        .map(|(file, function)| {
            format!("{file}:{}: {} has {} lines", function.line, function.name, function.lines)
        })
        .collect();
    assert!(long.is_empty(), "functions of more than {LONGEST_FUNCTION} lines:\n{}", long.join("\n"));
}

#[test]
fn every_module_says_what_it_is() {
    let all = sources("src").into_iter().chain(sources("tests")).chain(sources("benches"));
    let silent: Vec<_> = all.filter(|file| !says_what_it_is(&file.text)).map(|file| file.name).collect();
    assert!(silent.is_empty(), "these do not begin with a line of //! that says something: {silent:?}");
}

fn says_what_it_is(text: &str) -> bool {
    text.lines().next().is_some_and(|line| {
        line.strip_prefix("//! ").is_some_and(|said| said.len() > 8 && !said.starts_with('('))
    })
}

#[test]
fn modules_are_named_files() {
    let all: Vec<_> = sources("src").into_iter().chain(sources("tests")).collect();
    let folders =
        all.iter().filter(|file| file.name.ends_with("/mod.rs") || file.name.ends_with("/utils.rs"));
    let named: Vec<_> = folders.map(|file| &file.name).collect();
    assert!(
        named.is_empty(),
        "a module lies in a file of its own name that says what it is about: {named:?}"
    );
}

/// The migrations that stores in use have gone through, with the hash of their bytes. One joins the list when
/// it lands, and never changes after that: what it should have been is another one's work.
const LANDED: [(&str, u64); 6] = [
    ("0001.sql", 0x008e_d971_9b52_2cf6),
    ("0002.sql", 0xeab9_4f8a_3b48_8cd6),
    ("0003.sql", 0x1613_769d_a8ba_dbb6),
    ("0004.sql", 0x19a3_184a_0d3b_2832),
    ("0005.sql", 0x4303_3323_cd67_f008),
    ("0006.sql", 0x806a_83f4_f229_062e),
];

#[test]
fn migrations_that_have_landed_never_change() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/io/store/migrations");
    for (name, landed) in LANDED {
        let hash = xxhash_rust::xxh3::xxh3_64(&fs::read(folder.join(name)).unwrap());
        assert_eq!(hash, landed, "{name} is in use, and was changed: 0x{hash:016x}");
    }
}

#[test]
fn nothing_is_left_half_done() {
    let all = sources("src").into_iter().chain(sources("tests"));
    let marks = ["todo!", "unimplemented!", "dbg!"];
    let left: Vec<_> = all
        .flat_map(|file| {
            marks
                .into_iter()
                .filter(|mark| file.code.contains(mark))
                .map(move |mark| (file.name.clone(), mark))
                .collect::<Vec<_>>()
        })
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn every_invariant_names_its_tests() {
    let map = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let invariants = invariants(&map);
    let numbers: Vec<_> = invariants.iter().map(|invariant| invariant.number).collect();
    assert_eq!(numbers, (1..=numbers.len()).collect::<Vec<_>>(), "the invariants are numbered in order");
    assert!(numbers.len() >= 10, "the map tells {} invariants", numbers.len());
    let there = tests_there();
    for Invariant { number, tests } in invariants {
        assert!(!tests.is_empty(), "invariant {number} names no test after \"Tests:\"");
        for test in tests {
            assert!(there.contains(&test), "invariant {number} names the test {test}, which is not there");
        }
    }
}

#[test]
fn the_readme_points_at_what_is_there() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let targets = readme.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let pictures = readme.split("src=\"").skip(1).filter_map(|rest| rest.split('"').next());
    let local = targets.chain(pictures).filter(|target| !target.contains("://") && !target.starts_with('#'));
    let missing: Vec<_> = local.filter(|target| !root().join(target).exists()).collect();
    assert!(missing.is_empty(), "the README links to {missing:?}");
}

#[test]
fn the_readme_tells_every_command() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let told: BTreeSet<_> =
        readme.lines().filter_map(|line| line.strip_prefix("| `habar ")).map(first_word).collect();
    let help = std::process::Command::new(env!("CARGO_BIN_EXE_habar")).arg("--help").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let commands =
        help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    // A command's name stands two columns in, what it does further in.
    let names = commands
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .map(|line| first_word(line.trim()));
    assert_eq!(told, names.collect(), "left: the README's table; right: habar --help");
}

fn first_word(text: &str) -> &str {
    text.split(|c: char| !c.is_alphanumeric() && c != '-').next().unwrap_or_default()
}

// ---- who may import whom

/// What the rules speak of: `time`, `domain::feed`, `io::http`, `pipeline`, `cli`...
fn unit_of(path: &[String]) -> Option<String> {
    let first = path.first()?.as_str();
    match first {
        "time" | "pipeline" | "daemon" | "cli" | "config" => Some(first.to_owned()),
        "domain" | "io" => Some(format!("{first}::{}", path.get(1)?)),
        _ => None,
    }
}

fn may_import(unit: &str, other: &str) -> bool {
    let layer = |unit: &str| unit.split("::").next().unwrap_or_default().to_owned();
    let below: &[&str] = match layer(unit).as_str() {
        "time" => &[],
        "domain" | "io" => &["time", "domain"],
        "pipeline" | "config" => &["time", "domain", "io"],
        "daemon" => &["time", "domain", "io", "config", "pipeline"],
        "cli" => &["time", "domain", "io", "config", "pipeline", "daemon"],
        _ => unreachable!("unit_of names no other"),
    };
    // Adapters know nothing of one another; TLS is set up once for web and mail, and secrets are read alike.
    let shared = ["io::tls", "io::secret"].contains(&other);
    unit == other || below.contains(&layer(other).as_str()) || (layer(unit) == "io" && shared)
}

#[test]
fn the_matrix_allows_what_the_design_does() {
    let cases = [
        ("domain::digest", "domain::watch", true),
        ("domain::feed", "time", true),
        ("domain::feed", "io::http", false),
        ("time", "domain::text", false),
        ("io::http", "io::http", true),
        ("io::http", "io::tls", true),
        ("io::tls", "io::http", false),
        ("io::mail", "io::secret", true),
        ("io::mail", "io::store", false),
        ("io::store", "pipeline", false),
        ("pipeline", "io::store", true),
        ("pipeline", "config", false),
        ("config", "pipeline", false),
        ("daemon", "config", true),
        ("daemon", "cli", false),
        ("cli", "daemon", true),
    ];
    for (unit, other, allowed) in cases {
        assert_eq!(may_import(unit, other), allowed, "{unit} imports {other}");
    }
}

// ---- reading Rust

struct Source {
    /// From the root of the repository, with slashes.
    name: String,
    text: String,
    /// The text with comments and what stands in quotes blanked out, line for line.
    code: String,
}

struct Import {
    line: usize,
    /// From the root of the crate.
    path: Vec<String>,
}

impl Source {
    /// The module of a file under `src`.
    fn module(&self) -> Vec<String> {
        let path = self.name.trim_start_matches("src/").trim_end_matches(".rs");
        path.split('/').filter(|part| !["lib", "main"].contains(part)).map(str::to_owned).collect()
    }

    /// `None` for the roots, which hold nothing together but their docs.
    fn unit(&self) -> Option<String> {
        unit_of(&self.module())
    }

    /// The code without its tests, which stand at the end of a file.
    fn shipped(&self) -> &str {
        if self.name.ends_with("/tests.rs") {
            return "";
        }
        self.code.split("#[cfg(test)]\nmod ").next().unwrap_or_default()
    }

    /// Every path that begins with `crate` or `super`, also in the tests, except to the crate's own root.
    fn imports(&self) -> Vec<Import> {
        let mut imports = Vec::new();
        for (at, _) in self.code.match_indices("crate::").chain(self.code.match_indices("super::")) {
            let before = &self.code[..at];
            if before.ends_with("super::") || before.ends_with(|c: char| c.is_alphanumeric() || c == '_') {
                continue;
            }
            let mut base = Vec::new();
            if self.code[at..].starts_with("super") {
                base = self.module();
                // `super` of the tests at the end of the file is the file itself.
                base.extend(before.contains("\nmod tests {").then(|| "tests".to_owned()));
            }
            let line = before.matches('\n').count() + 1;
            let mut paths = Vec::new();
            flatten(&self.code[at..], &base, &mut paths);
            let inside = paths.into_iter().filter(|path| !path.is_empty());
            imports.extend(inside.map(|path| Import { line, path }));
        }
        // `super` as far as the folder that holds several units names none of them.
        imports
            .retain(|import| import.path.len() > 1 || !["domain", "io"].contains(&import.path[0].as_str()));
        imports
    }
}

/// Reads a path or a tree of them (`a::{b, c::d}`); returns what follows it.
fn flatten<'a>(text: &'a str, base: &[String], paths: &mut Vec<Vec<String>>) -> &'a str {
    let text = text.trim_start();
    if let Some(mut rest) = text.strip_prefix('{') {
        loop {
            rest = rest.trim_start().trim_start_matches([',', ' ', '\n']);
            match rest.strip_prefix('}') {
                Some(after) => return after,
                None if rest.is_empty() => return rest,
                None => rest = flatten(rest, base, paths),
            }
        }
    }
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let mut path = base.to_vec();
    match name {
        "crate" => path.clear(),
        "super" => drop(path.pop()),
        "" | "self" => {}
        name => path.push(name.to_owned()),
    }
    if let Some(after) = rest.strip_prefix("::") {
        return flatten(after, &path, paths);
    }
    paths.push(path);
    // `as name`, generic arguments, `*`: up to what ends this branch.
    let end = rest.find([',', '}', ';', '\n', '(', ')']).unwrap_or(rest.len());
    if end == 0 && name.is_empty() { rest.get(1..).unwrap_or_default() } else { &rest[end..] }
}

#[test]
fn imports_are_read_from_every_form() {
    let file = Source::new(
        "src/io/http/client.rs",
        "use crate::time::{self, Clock as Wall};\nuse super::guard::{Guard, check};\nuse super::super::store;\n\
         // use crate::cli;\nlet x = \"crate::cli\"; y: crate::domain::feed::Document<crate::daemon::D>;\n\
         mod tests {\n    use super::super::Reply;\n}\n",
    );
    let paths: Vec<_> = file.imports().into_iter().map(|import| import.path.join("::")).collect();
    let expected = [
        "time",
        "time::Clock",
        "domain::feed::Document",
        "daemon::D",
        "io::http::guard::Guard",
        "io::http::guard::check",
        "io::store",
        "io::http::Reply",
    ];
    assert_eq!(paths, expected);
}

struct Function {
    name: String,
    line: usize,
    lines: usize,
}

/// The functions with a body.
fn functions(code: &str) -> Vec<Function> {
    let mut functions = Vec::new();
    for (at, _) in code.match_indices("fn ") {
        if code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_') {
            continue;
        }
        let rest = &code[at..];
        let name = words(&rest[3..]).next().unwrap_or_default().to_owned();
        let Some(end) = end_of_body(rest) else { continue };
        let line = code[..at].matches('\n').count() + 1;
        functions.push(Function { name, line, lines: rest[..end].matches('\n').count() + 1 });
    }
    functions
}

/// Where the braces that follow close; `None` when a semicolon comes before them.
fn end_of_body(code: &str) -> Option<usize> {
    let (mut braces, mut others) = (0_usize, 0_usize);
    for (at, c) in code.char_indices() {
        match c {
            '(' | '[' => others += 1,
            ')' | ']' => others = others.saturating_sub(1),
            ';' if braces == 0 && others == 0 => return None,
            '{' => braces += 1,
            '}' if braces == 1 => return Some(at),
            '}' => braces = braces.saturating_sub(1),
            _ => {}
        }
    }
    None
}

#[test]
fn functions_are_measured() {
    let code = "trait T { fn none(&self, a: [u8; 2]); }\npub async fn three(a: [u8; 2]) -> u8 {\n    { 1 }\n}\nfn one() {}\n";
    let measured: Vec<_> = functions(code).into_iter().map(|f| (f.name, f.line, f.lines)).collect();
    assert_eq!(measured, [("three".to_owned(), 2, 3), ("one".to_owned(), 5, 1)]);
}

/// Replaces comments and the contents of strings and characters by spaces; keeps the lines.
fn blanked(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let in_word = code.ends_with(|c: char| c.is_alphanumeric() || c == '_');
        let length = match first {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
            '"' => quoted(rest, '"'),
            'r' | 'b' | 'c' if !in_word => raw_string(rest).unwrap_or(0),
            '\'' => character(rest).unwrap_or(0),
            _ => 0,
        };
        if length == 0 {
            code.push(first);
            rest = &rest[first.len_utf8()..];
        } else {
            code.extend(rest[..length].chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
            rest = &rest[length..];
        }
    }
    code
}

/// The length of a literal up to its closing quote.
fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        if c == quote && !escaped {
            return at + 1;
        }
        escaped = c == '\\' && !escaped;
    }
    text.len()
}

/// The length of `r"…"`, `br#"…"#` and the like.
fn raw_string(text: &str) -> Option<usize> {
    let after = text.trim_start_matches(['b', 'c']).strip_prefix('r')?;
    let hashes = after.len() - after.trim_start_matches('#').len();
    let body = after[hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let close = body.find(&end).map_or(body.len(), |at| at + end.len());
    Some(text.len() - body.len() + close)
}

/// The length of a character literal; `None` for a lifetime.
fn character(text: &str) -> Option<usize> {
    let mut chars = text.chars().skip(1);
    let first = chars.next()?;
    (first == '\\' || chars.next() == Some('\'')).then(|| quoted(text, '\''))
}

#[test]
fn comments_and_literals_are_no_code() {
    let cases = [
        ("a // b \"c\nd", "a        \nd"),
        ("a /* b\nc */ d", "a     \n     d"),
        (r#"f("\"x{", '{', '\'')"#, "f(      ,    ,     )"),
        ("r##\"{\"#\"##; br'", "          ; br'"),
        ("fn f<'a>(x: &'a str)", "fn f<'a>(x: &'a str)"),
    ];
    for (text, code) in cases {
        assert_eq!(blanked(text), code, "{text}");
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty())
}

// ---- the map

struct Invariant {
    number: usize,
    tests: Vec<String>,
}

/// The numbered items of the crate's docs; what stands in backticks after "Tests:" are names of tests.
fn invariants(map: &str) -> Vec<Invariant> {
    let mut items: Vec<(usize, String)> = Vec::new();
    for line in map.lines().map_while(|line| line.strip_prefix("//!")) {
        let line = line.strip_prefix(' ').unwrap_or(line);
        let numbered = line.split_once(". ").and_then(|(number, text)| Some((number.parse().ok()?, text)));
        match (numbered, items.last_mut()) {
            (Some((number, text)), _) => items.push((number, text.to_owned())),
            (None, Some((_, item))) if line.starts_with("   ") => item.push_str(line),
            _ => {}
        }
    }
    let tests = |item: &str| {
        let named = item.split_once("Tests:").map_or("", |(_, tests)| tests);
        named.split('`').skip(1).step_by(2).map(str::to_owned).collect()
    };
    items.iter().map(|(number, item)| Invariant { number: *number, tests: tests(item) }).collect()
}

/// Every test as `module::name`, the module being the file's own name.
fn tests_there() -> BTreeSet<String> {
    let mut tests = BTreeSet::new();
    for file in sources("src").into_iter().chain(sources("tests")) {
        let path = file.name.trim_end_matches(".rs").trim_end_matches("/tests");
        let module = path.rsplit('/').next().unwrap_or_default();
        for mark in ["#[test]", "#[tokio::test"] {
            for (at, _) in file.code.match_indices(mark) {
                let function = file.code[at..].split_once("fn ").map_or("", |(_, rest)| rest);
                tests.extend(words(function).next().map(|name| format!("{module}::{name}")));
            }
        }
    }
    tests
}

// ---- files

impl Source {
    fn new(name: &str, text: &str) -> Self {
        Self { name: name.to_owned(), text: text.to_owned(), code: blanked(text) }
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The Rust files below a folder, by name; none when the folder is not there.
fn sources(folder: &str) -> Vec<Source> {
    let mut files = Vec::new();
    collect(&root().join(folder), &mut files);
    files.sort();
    let named = files.iter().map(|file| {
        let name = file.strip_prefix(root()).unwrap().to_str().unwrap();
        Source::new(name, &fs::read_to_string(file).unwrap())
    });
    named.collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}
