//! What a command writes, and what it leaves as it was.

use std::os::unix::fs::symlink;

use super::*;
use crate::config::load;

fn source(url: &str, name: Option<&str>, tags: &[&str]) -> NewSource {
    NewSource {
        url: Url::parse(url).unwrap(),
        name: name.map(str::to_owned),
        tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
        more: Vec::new(),
    }
}

#[test]
fn a_source_is_written_as_people_write_it() {
    let plain = source("https://a.example/feed", Some("Ana Haber"), &["tr", "agency"]);
    let expected =
        "[[source]]\nurl = \"https://a.example/feed\"\nname = \"Ana Haber\"\ntags = [\"tr\", \"agency\"]\n";
    assert_eq!(plain.lines(), expected);
    for odd in ["\"Quoted\" and 'both'", r"back\slash", "# no remark", "]", "Ünïcode 한"] {
        let written = source("https://a.example/", Some(odd), &[odd]).lines();
        let read: toml::Table = toml::from_str(&written).unwrap();
        assert_eq!(read["source"][0]["name"].as_str(), Some(odd), "{written}");
        assert_eq!(read["source"][0]["tags"][0].as_str(), Some(odd), "{written}");
    }
}

#[test]
fn new_sources_come_after_the_last_one_and_all_else_stays() {
    const NEW: &str = "[[source]]\nurl = \"n\"\n";
    let cases = [
        ("", "<NEW>"),
        ("[mail]\nto = []", "[mail]\nto = []\n\n<NEW>"),
        ("[mail]\nto = []\n", "[mail]\nto = []\n\n<NEW>"),
        ("[[source]]\nurl = \"a\"\n", "[[source]]\nurl = \"a\"\n\n<NEW>"),
        (
            "[[source]]\nurl = \"a\" # why\n\n[[watch]]\n",
            "[[source]]\nurl = \"a\" # why\n\n<NEW>\n[[watch]]\n",
        ),
        ("[[source]]\nurl = \"a\"\n[[watch]]\n", "[[source]]\nurl = \"a\"\n\n<NEW>\n[[watch]]\n"),
        // A remark below its keys is its own; one above the next header is the header's.
        (
            "[[source]]\nurl = \"a\"\n# tags = []\n\n# W\n[[watch]]\n",
            "[[source]]\nurl = \"a\"\n# tags = []\n\n<NEW>\n# W\n[[watch]]\n",
        ),
        ("[[source]]\nurl = \"a\"\n# W\n[[watch]]\n", "[[source]]\nurl = \"a\"\n\n<NEW>\n# W\n[[watch]]\n"),
        ("[[source]]\nurl = \"a\"\n  # last", "[[source]]\nurl = \"a\"\n  # last\n\n<NEW>"),
        (
            "[[source]]\nurl = \"a\"\ntags = [\n  \"x\", # y\n]\n[source.headers]\nA = \"b\"\n\n[http]\n",
            "[[source]]\nurl = \"a\"\ntags = [\n  \"x\", # y\n]\n[source.headers]\nA = \"b\"\n\n<NEW>\n[http]\n",
        ),
        (
            "[[source]]\nurl = \"a\"\n[[watch]]\n[[source]]\nurl = \"b\"\n[http]\n",
            "[[source]]\nurl = \"a\"\n[[watch]]\n[[source]]\nurl = \"b\"\n\n<NEW>\n[http]\n",
        ),
        (
            "[[source]]\r\nurl = \"a\"\r\n\r\n[http]\r\n",
            "[[source]]\r\nurl = \"a\"\r\n\r\n<NEW>\r\n[http]\r\n",
        ),
        ("\u{feff}[[source]]\nurl = \"a\"\n", "\u{feff}[[source]]\nurl = \"a\"\n\n<NEW>"),
    ];
    for (text, expected) in cases {
        let expected = expected.replace("<NEW>", &as_in(text, NEW));
        assert_eq!(with_sources(text, NEW), expected, "{text:?}");
    }
}

#[test]
fn whatever_stands_in_a_file_and_in_whatever_order_it_stays() {
    const PARTS: [&str; 9] = [
        "[mail]\nto = [ 'a@example.org' ] # who\n",
        "\n\n# A remark.\n",
        "[[source]]\nurl = \"https://a.example/#[[source]]\"\n",
        "[[source]]\n\"url\" = 'b' # c\n  tags = [\n  # none\n  'x' ]\n",
        "  [[ source ]]\nheaders.Accept = \"x\"\nurl='''\n[[source]]\n'''\n",
        "[[source]]\n[source.auth]\nuser = \"u\"\n",
        "[[watch]]\nname = \"W\"\n",
        "[[watch]]\n# [[source]]\n",
        "[[source]]   # nothing yet\n\n",
    ];
    const NEW: &str = "[[source]]\nurl = \"new\"\n";
    let count = |text: &str| {
        let read: toml::Table = toml::from_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        read.get("source").and_then(toml::Value::as_array).map_or(0, Vec::len)
    };
    let orders = (0..9_usize.pow(4)).map(|n| [n % 9, n / 9 % 9, n / 81 % 9, n / 729]);
    for order in orders.filter(|order| order.iter().filter(|part| **part == 0).count() < 2).step_by(3) {
        let whole: String = order.iter().map(|part| PARTS[*part]).collect();
        for text in [&*whole, whole.trim_end()] {
            let new = with_sources(text, NEW);
            assert_eq!(count(&new), count(text) + 1, "{text}\n---\n{new}");
            // What is left without the new lines differs in blank lines only.
            let left = new.replacen(NEW, "", 1);
            let lines = |text: &str| {
                text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect::<Vec<_>>()
            };
            assert_eq!(lines(&left), lines(text), "{new}");
        }
    }
}

#[test]
fn a_pack_joins_the_include_in_the_form_that_it_has() {
    let cases = [
        ("[mail]\n", "include = [\"p\"]\n\n[mail]\n"),
        ("# Ours.\n# Really.\n\n[mail]\n", "# Ours.\n# Really.\n\ninclude = [\"p\"]\n\n[mail]\n"),
        ("# Mail.\n[mail]\n", "include = [\"p\"]\n\n# Mail.\n[mail]\n"),
        ("include = []\n", "include = [\"p\"]\n"),
        ("include = [ # none\n]\n", "include = [\"p\",  # none\n]\n"),
        ("include = [\"a\"] # x\n", "include = [\"a\", \"p\"] # x\n"),
        ("include = [\"a\", ]\n", "include = [\"a\", \"p\" ]\n"),
        ("include = [\n    \"a\",  # x, y ]\n]\n", "include = [\n    \"a\",  # x, y ]\n    \"p\",\n]\n"),
        ("include = [\n  \"a\"  # x, y\n]\n", "include = [\n  \"a\",  # x, y\n  \"p\",\n]\n"),
        ("include = [\n  \"a\",\n  \"b\" ]\n", "include = [\n  \"a\",\n  \"b\", \"p\" ]\n"),
        ("include = [\r\n  \"a\",\r\n]\r\n", "include = [\r\n  \"a\",\r\n  \"p\",\r\n]\r\n"),
    ];
    for (text, expected) in cases {
        assert_eq!(with_include(text, "p"), expected, "{text:?}");
        let read: toml::Table = toml::from_str(expected).unwrap();
        assert_eq!(read["include"].as_array().unwrap().last().unwrap().as_str(), Some("p"), "{expected}");
    }
}

const MAIN: &str = "# Ours.\n\n[mail]\nto = [\"a@example.org\"]   # the desk\n\n[[watch]]\nname = \"W\"\n\
                    keywords = [\"river\"]\n";

fn home() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::TempDir::new().unwrap();
    let main = folder.path().join("habar.toml");
    fs::write(&main, MAIN).unwrap();
    (folder, main)
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_new_pack_is_made_included_and_as_open_as_the_config() {
    let (folder, main) = home();
    fs::set_permissions(&main, Permissions::from_mode(0o640)).unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o750)).unwrap();
    let pack = folder.path().join("sources/desk.toml");
    let edit = Edit::add_sources(&main, &pack, &[source("https://a.example/", None, &[])]).unwrap();
    assert!(!pack.exists(), "planned, not written");
    edit.write().unwrap();
    assert_eq!((mode(&pack), mode(&main), mode(pack.parent().unwrap())), (0o640, 0o640, 0o750));
    let included = MAIN.replace("# Ours.\n\n", "# Ours.\n\ninclude = [\"sources/desk.toml\"]\n\n");
    assert_eq!(fs::read_to_string(&main).unwrap(), included);
    assert_eq!(load(&main).unwrap().sources.len(), 1);

    let more = [source("https://b.example/", None, &[])];
    Edit::add_sources(&main, &pack, &more).unwrap().write().unwrap();
    assert_eq!(fs::read_to_string(&main).unwrap(), included, "included already");
    assert_eq!(load(&main).unwrap().sources.len(), 2);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "nothing is left lying about");
}

#[test]
fn a_pack_that_a_glob_will_find_needs_no_line() {
    let (folder, main) = home();
    let with_glob = format!("include = [\"sources/*.toml\"]\n{MAIN}");
    fs::write(&main, &with_glob).unwrap();
    let pack = folder.path().join("sources/desk.toml");
    let new = [source("https://a.example/", None, &[])];
    Edit::add_sources(&main, &pack, &new).unwrap().write().unwrap();
    assert_eq!(fs::read_to_string(&main).unwrap(), with_glob);
    assert_eq!(load(&main).unwrap().sources.len(), 1);
}

#[test]
fn a_link_stays_one_and_what_it_leads_to_is_written() {
    let (folder, main) = home();
    let real = folder.path().join("real.toml");
    fs::rename(&main, &real).unwrap();
    symlink("real.toml", &main).unwrap();
    let new = [source("https://a.example/", None, &[])];
    Edit::add_sources(&main, &main, &new).unwrap().write().unwrap();
    assert!(fs::symlink_metadata(&main).unwrap().is_symlink());
    assert!(fs::read_to_string(&real).unwrap().contains("a.example"));
}

#[test]
fn what_the_daemon_would_refuse_is_not_written() {
    let (_folder, main) = home();
    let list = format!("source = [{{ url = \"https://a.example/\" }}]\n{MAIN}");
    fs::write(&main, &list).unwrap();
    let refused = Edit::add_sources(&main, &main, &[source("https://b.example/", None, &[])]);
    assert!(matches!(refused, Err(EditError::Refused(_))), "{refused:?}");
    let too_long = "x".repeat(300);
    fs::write(&main, MAIN).unwrap();
    let refused = Edit::add_sources(&main, &main, &[source("https://b.example/", Some(&too_long), &[])]);
    assert!(matches!(refused, Err(EditError::Refused(_))), "{refused:?}");
    assert_eq!(fs::read_to_string(&main).unwrap(), MAIN);
}

#[test]
fn what_somebody_saved_meanwhile_is_not_lost() {
    let (_folder, main) = home();
    let edit = Edit::add_sources(&main, &main, &[source("https://a.example/", None, &[])]).unwrap();
    fs::write(&main, "# new\n").unwrap();
    assert!(matches!(edit.write(), Err(EditError::Write { .. })));
    assert_eq!(fs::read_to_string(&main).unwrap(), "# new\n");
}

#[test]
fn a_pack_whose_config_cannot_be_written_is_as_it_was() {
    let (folder, main) = home();
    let pack = folder.path().join("desk.toml");
    let new = [source("https://a.example/", None, &[])];
    for before in [None, Some("# Not included yet.\n")] {
        if let Some(before) = before {
            fs::write(&pack, before).unwrap();
        }
        let edit = Edit::add_sources(&main, &pack, &new).unwrap();
        fs::write(&main, "# saved meanwhile\n").unwrap();
        assert!(matches!(edit.write(), Err(EditError::Write { path, .. }) if path == main));
        assert_eq!(fs::read_to_string(&pack).ok().as_deref(), before);
        fs::write(&main, MAIN).unwrap();
    }
}
