//! What the config accepts, and what it says about each kind of mistake.

mod packs;

use super::*;
use crate::domain::digest::release::Rule;
use crate::domain::feed::listing::Selectors;
use crate::domain::scope::Selector;
use crate::io::http;
use crate::time::DAY;

/// Writes the files below a folder of their own and reads `habar.toml` there; paths are shown without it.
fn load_files(files: &[(&str, &str)]) -> (Result<Config, Errors>, impl Fn(&str) -> String + use<>) {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let loaded = load_in(&folder.path().join("habar.toml"), &Environment::default());
    let prefix = format!("{}/", folder.path().display());
    (loaded, move |text: &str| text.replace(&prefix, ""))
}

fn diagnostics(files: &[(&str, &str)]) -> String {
    let (loaded, short) = load_files(files);
    let found = match loaded {
        Ok(config) => config.warnings,
        Err(errors) => errors.diagnostics,
    };
    let found: Vec<String> = found.iter().map(ToString::to_string).collect();
    short(&found.join("\n\n"))
}

fn accepted(text: &str) -> Config {
    let (loaded, _) = load_files(&[("habar.toml", text)]);
    loaded.unwrap_or_else(|errors| panic!("{errors}"))
}

#[test]
fn every_mistake_is_told_with_its_place_and_its_remedy() {
    let cases = include_str!("../../tests/data/config/mistakes.txt");
    for case in cases.trim_end().split("\n=====\n") {
        let (config, expected) = case.split_once("\n-----\n").expect("a config, a line -----, what is said");
        let said = diagnostics(&[("habar.toml", config)]);
        assert_eq!(said, expected, "\n{config}\n");
    }
}

#[test]
fn a_config_that_cannot_be_read_says_what_to_do() {
    let (loaded, short) = load_files(&[]);
    let errors = loaded.unwrap_err();
    let said = "habar.toml: error: cannot be read: there is no such file\n  \
                help: `habar init` writes a config; --config FILE names another one";
    assert_eq!(short(&errors.to_string()), said);
    assert_eq!(short(&errors.files[0].display().to_string()), "habar.toml");

    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("habar.toml"), b"[mail]\nto = [\"\xff\"]").unwrap();
    let errors = load_in(&folder.path().join("habar.toml"), &Environment::default()).unwrap_err();
    assert!(errors.to_string().ends_with("error: cannot be read: it is not UTF-8 text"), "{errors}");
}

#[test]
fn packs_add_sources_and_watches_once_and_in_order() {
    let (loaded, short) = load_files(&[
        (
            "habar.toml",
            "include = ['sources/*.toml', 'watches/ots.toml', 'sources/b.toml', '*.toml']\n[[watch]]\nname = 'main'\nkeywords = ['summit']",
        ),
        ("sources/a.toml", "[[source]]\nurl = 'https://a.example/'"),
        (
            "sources/b.toml",
            "\u{feff}include = ['more/c.toml']\r\n[[source]]\r\nurl = 'https://b.example/'\r\n",
        ),
        ("sources/more/c.toml", "[[source]]\nurl = 'https://c.example/'"),
        ("watches/ots.toml", "[[watch]]\nname = 'pack'\nkeywords = ['OTS']"),
    ]);
    let config = loaded.unwrap();
    let urls: Vec<_> = config.sources.iter().map(|source| source.url.as_str()).collect();
    assert_eq!(urls, ["https://a.example/", "https://b.example/", "https://c.example/"]);
    let names: Vec<_> = config.watches.iter().map(|watch| watch.name.as_str()).collect();
    assert_eq!(names, ["main", "pack"]);
    let files: Vec<_> = config.files.iter().map(|file| short(&file.display().to_string())).collect();
    for file in [
        "habar.toml",
        "sources",
        "sources/a.toml",
        "sources/b.toml",
        "sources/more/c.toml",
        "watches/ots.toml",
    ] {
        assert!(files.iter().any(|known| known == file), "{file} is not watched: {files:?}");
    }
}

#[test]
fn mistakes_in_packs_are_told_in_the_packs() {
    let files = [
        ("habar.toml", "include = [\"a.toml\", \"b.toml\"]\n[[watch]]\nname = \"A\"\nkeywords = [\"OTS\"]\n"),
        ("a.toml", "include = [\"b.toml\"]\n[mail]\nto = [\"desk@example.org\"]\n"),
        ("b.toml", "include = [\"a.toml\"]\n[[watch]]\nname = \"A\"\nkeywords = [\"OTS\"]\n"),
    ];
    let said = "\
a.toml:2:2: error: [mail] is not allowed in an included file
  [mail]
   ^^^^
  help: a pack holds [[source]] and [[watch]]; put the rest into the main file

b.toml:1:12: error: a.toml includes itself
  include = [\"a.toml\"]
             ^^^^^^^^
  help: take one of these out: a.toml includes b.toml includes a.toml

b.toml:3:8: error: a second watch is named \"A\"
  name = \"A\"
         ^^^
  help: the first is at habar.toml:3; give this one another name, or add its keywords there";
    assert_eq!(diagnostics(&files), said);
}

#[test]
fn what_is_left_out_has_the_defaults_of_the_contract() {
    let config =
        accepted("[[source]]\nurl = 'https://example.org/'\n[[watch]]\nname = 'A'\nkeywords = ['OTS']\n");
    assert_eq!(config.warnings, []);
    assert_eq!(config.mail.from, "Habar <habar@localhost>");
    assert_eq!(config.mail.to, ["you@localhost"]);
    assert_eq!(config.mail.via, Via::Maildir { dir: "mail".into() });
    assert!(config.mail.login.is_none());
    assert_eq!(config.mail.language, "en");
    assert_eq!(config.admin, ["you@localhost"]);
    assert_eq!(config.polling, Polling { budget: 48, floor: 15 * MINUTE, ceiling: HOUR });
    assert_eq!((config.http.contact.as_str(), config.http.host_gap), ("", 2 * SECOND));
    assert_eq!(
        (&config.http.allow_private, &config.http.proxy, &config.http.ca_file),
        (&vec![], &None, &None)
    );
    assert_eq!(config.reading, Reading { retry: 10 * MINUTE });
    assert_eq!(config.delivery, DeliveryConfig { gather: 45 * SECOND, retry: MINUTE, fold_after: 20 });
    assert_eq!(config.store, StoreConfig { keep: 365 * DAY });
    let source = &config.sources[0];
    assert_eq!((source.name.as_ref(), source.tags.len(), source.max_interval), (None, 0, None));
    assert!(source.full_text && !source.allow_private);
    assert_eq!((&source.credentials, &source.route), (&None, &Route::Usual));
    let watch = &config.watches[0];
    assert_eq!(watch.to, ["you@localhost"]);
    assert_eq!((watch.timing.rule, watch.timing.quiet, watch.timing.gather), (Rule::Now, None, 45 * SECOND));
    assert_eq!(watch.scope, Scope::default());
}

/// Every key once, none at its default but those that have no other value.
const EVERY_KEY: &str = r#"
[mail]
from = "Haber <habar@example.org>"
to = ["desk@example.org", "DESK@example.org", "chief@example.org"]
via = "smtp://127.0.0.1:2525?tls=none"
user = "habar"
token_file = "token"
timezone = "Asia/Almaty"
language = "en"
[[source]]
url = "https://example.org/feed.xml"
name = "Kazinform"
tags = ["kz", "agency"]
max_interval = "20m"
full_text = false
allow_private = true
headers = { Accept-Language = "tr", X-Api-Key = { file = "key" } }
auth = { user = "desk", password_file = "password" }
proxy = "socks5h://me@127.0.0.1:9050"
proxy_password_file = "password"
[[watch]]
name = "OTS"
keywords = ["OTS", "Türk Devletleri Teşkilatı"]
to = ["minister@example.org"]
sources = ["tag:kz", "-Sputnik"]
languages = ["tr", "az_AZ"]
deliver = "daily 08:00"
quiet = "22:00-07:00"
timezone = "Europe/Istanbul"
[polling]
floor = "1s"
ceiling = "2s"
budget = 86400
[http]
contact = "https://example.org/about"
allow_private = ["127.0.0.0/8"]
host_gap = "0s"
proxy = "http://you@proxy.example.org:3128"
proxy_password_file = "/etc/habar/proxy.password"
ca_file = ""
[reading]
retry = "2s"
[delivery]
gather = "1s"
retry = "1s"
fold_after = 100000
[store]
keep = "30d"
[admin]
to = ["admin@example.org"]
"#;

#[test]
fn every_key_is_read() {
    let config = accepted(EVERY_KEY);
    assert_eq!(config.mail.from, "Haber <habar@example.org>");
    assert_eq!(config.mail.to, ["desk@example.org", "chief@example.org"]);
    assert_eq!(config.mail.via.to_string(), "smtp://127.0.0.1:2525?tls=none");
    let login = config.mail.login.unwrap();
    assert_eq!(login.user, "habar");
    assert!(
        matches!(login.secret, crate::io::mail::Secret::Token(path) if path.ends_with("token") && path.is_absolute())
    );
    assert_eq!(config.mail.zone.iana_name(), Some("Asia/Almaty"));
    assert_eq!(config.admin, ["admin@example.org"]);
    let source = &config.sources[0];
    assert_eq!(source.name.as_deref(), Some("Kazinform"));
    assert_eq!(source.tags, ["kz", "agency"]);
    assert_eq!(source.max_interval, Some(20 * MINUTE));
    assert!(!source.full_text && source.allow_private);
    let own = source.credentials.as_ref().unwrap();
    assert_eq!(own.header_names(), ["accept-language", "x-api-key"]);
    assert!(
        matches!(own.login(), Some(http::Login::Basic { user, password }) if user == "desk" && password.is_absolute())
    );
    assert!(
        matches!(&source.route, Route::Through(proxy) if proxy.to_string() == "socks5h://127.0.0.1:9050")
    );
    let watch = &config.watches[0];
    assert_eq!(watch.keywords, ["OTS", "Türk Devletleri Teşkilatı"]);
    assert_eq!(watch.to, ["minister@example.org"]);
    assert_eq!(watch.timing.rule.to_string(), "daily 08:00");
    assert_eq!(watch.timing.quiet.unwrap().to_string(), "22:00-07:00");
    assert_eq!(watch.timing.zone.iana_name(), Some("Europe/Istanbul"));
    assert_eq!(watch.timing.gather, SECOND);
    assert_eq!(watch.scope.only, [Selector::Tag("kz".to_owned())]);
    assert_eq!(watch.scope.never, [Selector::Name("Sputnik".to_owned())]);
    assert_eq!(watch.scope.languages, ["tr", "az-az"]);
    assert_eq!(config.polling, Polling { budget: 86_400, floor: SECOND, ceiling: 2 * SECOND });
    assert_eq!(config.http.contact, "https://example.org/about");
    assert_eq!(config.http.host_gap, Duration::ZERO);
    assert_eq!(config.http.allow_private, ["127.0.0.0/8".parse().unwrap()]);
    assert_eq!(config.http.proxy.unwrap().to_string(), "http://proxy.example.org:3128");
    assert_eq!(config.http.ca_file, None);
    assert_eq!(config.reading.retry, 2 * SECOND);
    assert_eq!(config.delivery, DeliveryConfig { gather: SECOND, retry: SECOND, fold_after: 100_000 });
    assert_eq!(config.store.keep, 30 * DAY);
}

#[test]
fn the_password_is_a_file_or_the_units_credential_and_never_shown() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("smtp.password"), "hunter2").unwrap();
    let path = folder.path().join("habar.toml");
    let mail = "[mail]\nfrom = 'habar@example.org'\nto = ['desk@example.org']\nvia = 'smtps://mail.example.org'\nuser = 'habar'\n";
    let secret = folder.path().join("smtp.password");
    let unit =
        Environment { credentials_directory: Some(folder.path().to_owned()), ..Environment::default() };
    let dropin = format!("[Service]\nLoadCredential=smtp.password:{}", secret.display());
    let beside_unit = Environment { unit: Some(Unit::parse(&dropin)), ..Environment::default() };
    let cases = [
        (format!("{mail}password_file = 'smtp.password'"), Environment::default(), secret.clone()),
        (mail.to_owned(), unit, secret.clone()),
        (mail.to_owned(), beside_unit, secret),
        (mail.to_owned(), Environment::default(), "/run/credentials/habar.service/smtp.password".into()),
    ];
    for (text, environment, expected) in cases {
        std::fs::write(&path, &text).unwrap();
        let config = load_in(&path, &environment).unwrap();
        let Some(Login {
            secret: crate::io::mail::Secret::Password(crate::io::mail::Password::File(file)),
            ..
        }) = &config.mail.login
        else {
            panic!("no password file: {:?}", config.mail.login)
        };
        assert_eq!(*file, expected);
        assert!(!format!("{config:?}").contains("hunter2"));
    }
}

/// The source of a config with these lines below its address.
fn source(lines: &str) -> Source {
    accepted(&format!("[[source]]\nurl = 'https://example.org/'\n{lines}")).sources.remove(0)
}

#[test]
fn a_secret_is_in_a_file_or_a_credential_of_the_unit() {
    let folder = tempfile::tempdir().unwrap();
    let credentials = folder.path().join("credentials");
    std::fs::create_dir(&credentials).unwrap();
    std::fs::write(credentials.join("desk.token"), "hunter2").unwrap();
    let unit = Environment { credentials_directory: Some(credentials.clone()), ..Environment::default() };
    let path = folder.path().join("habar.toml");
    let cases = [
        ("desk.token", &unit, credentials.join("desk.token")),
        ("desk.token", &Environment::default(), folder.path().join("desk.token")),
        ("other.token", &unit, folder.path().join("other.token")),
        ("./desk.token", &unit, folder.path().join("./desk.token")),
        ("/etc/desk.token", &unit, "/etc/desk.token".into()),
    ];
    for (named, environment, expected) in cases {
        let text = format!("[[source]]\nurl = 'https://example.org/'\nauth = {{ token_file = '{named}' }}\n");
        std::fs::write(&path, text).unwrap();
        let config = load_in(&path, environment).unwrap();
        let login = config.sources[0].credentials.as_ref().unwrap().login();
        assert_eq!(login, Some(&http::Login::Bearer(expected)), "{named}");
        assert!(!format!("{config:?}").contains("hunter2"));
    }
}

#[test]
fn a_source_is_a_feed_unless_it_says_what_else() {
    assert_eq!(source("").kind, Kind::Feed);
    assert_eq!(source("kind = 'feed'").kind, Kind::Feed);
    assert_eq!(source("kind = 'sitemap'").kind, Kind::Sitemap);
    let page = |lines: &str| match source(&format!("kind = 'page'\n{lines}")).kind {
        Kind::Page(selectors) => selectors,
        other => panic!("{other:?}"),
    };
    let least = page("item = ' article.card '");
    assert_eq!(*least, Selectors::new("article.card".parse().unwrap()));
    let whole = page("item = 'li'\nlink = 'a'\ntitle = 'h2'\ndate = 'time'\nsummary = 'p'");
    assert_eq!(whole.fingerprint(), "li\na\nh2\ntime\np");
}

#[test]
fn a_source_goes_by_its_own_proxy_or_straight_or_by_the_usual_one() {
    let cases = [
        ("", "Usual"),
        ("proxy = ''", "Direct"),
        ("proxy = 'direct'", "Direct"),
        ("proxy = 'https://proxy.example'", "Through(https://proxy.example)"),
    ];
    for (lines, expected) in cases {
        assert_eq!(format!("{:?}", source(lines).route), expected, "{lines}");
    }
    assert_eq!(accepted("[http]\nproxy = ''\nproxy_password_file = ''").http.proxy, None);
    assert_eq!(accepted("[http]\nproxy = 'direct'").http.proxy, None);
}

#[test]
fn headers_may_stand_in_a_table_of_their_own() {
    let own =
        source("[source.headers]\nAccept-Language = 'tr'\nX-Api-Key.file = 'key'\n").credentials.unwrap();
    assert_eq!(own.header_names(), ["accept-language", "x-api-key"]);
    assert_eq!(source("headers = {}").credentials, None);
    let shown = format!("{:?}", source("headers = { X-Odd = 'hunter2' }"));
    assert!(shown.contains("x-odd") && !shown.contains("hunter2"), "{shown}");
}

#[test]
fn what_the_service_cannot_do_is_told_to_whoever_checks_its_config() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("habar.toml");
    let warnings = |via: &str, environment: &Environment| -> Vec<String> {
        let text = format!(
            "[mail]\nvia = '{via}'\nfrom = 'a@example.org'\nto = ['b@example.org']\n\
             [[source]]\nurl = 'https://example.org/'\n[[watch]]\nname = 'A'\nkeywords = ['OTS']\n"
        );
        std::fs::write(&path, text).unwrap();
        load_in(&path, environment).unwrap().warnings.iter().map(ToString::to_string).collect()
    };
    let system = Environment { unit: Some(Unit::shipped()), ..Environment::default() };
    let in_unit = Environment { state_directory: Some("/var/lib/habar".into()), ..Environment::default() };
    assert!(in_unit.with_unit_of(Path::new("/etc/habar/habar.toml")).unit.is_none());
    assert!(Environment::default().with_unit_of(Path::new("config/habar.toml")).unit.is_none());

    let told = warnings("sendmail:", &system);
    for part in [
        "habar.toml:2:7: warning: the service cannot mail this way: sendmail needs privileges",
        "\n  help: write via = \"smtp://localhost:25?tls=none\"",
    ] {
        assert!(told.len() == 1 && told[0].contains(part), "{part} in {told:?}");
    }
    assert_eq!(warnings("maildir:mail", &system), Vec::<String>::new());
    assert_eq!(warnings("sendmail:", &Environment::default()), Vec::<String>::new());
}

#[test]
fn a_password_that_the_service_will_not_have_is_told_beforehand() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("smtp.password");
    let path = folder.path().join("habar.toml");
    std::fs::write(&path, "").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let warnings = |line: &str, unit: &str| {
        let text = format!(
            "[mail]\nvia = 'smtps://mail.example.org'\nfrom = 'a@example.org'\nto = ['b@example.org']\n\
             user = 'a'\n{line}\n[[source]]\nurl = 'https://example.org/'\n[[watch]]\nname = 'A'\nkeywords = ['OTS']\n"
        );
        std::fs::write(&path, text).unwrap();
        let environment = Environment { unit: Some(Unit::parse(unit)), ..Environment::default() };
        let told = load_in(&path, &environment).unwrap().warnings;
        told.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    let dropin = format!("[Service]\nDynamicUser=yes\nLoadCredential=smtp.password:{}", secret.display());
    let told = warnings("", &dropin);
    assert!(
        told.contains("smtp.password is missing") && told.contains("write the password into it"),
        "{told}"
    );
    let told = warnings("", "[Service]\nDynamicUser=yes");
    assert!(told.contains("neither password_file nor the credential"), "{told}");

    std::fs::write(&secret, "hunter2").unwrap();
    assert_eq!(warnings("", &dropin), "");
    let line = "password_file = 'smtp.password'";
    let group = std::os::unix::fs::MetadataExt::gid(&std::fs::metadata(&secret).unwrap());
    let its_group = format!("[Service]\nDynamicUser=yes\nSupplementaryGroups={group}");
    for (mode, unit, shut) in [
        (0o600, "[Service]\nDynamicUser=yes", true),
        (0o644, "[Service]\nDynamicUser=yes", false),
        (0o640, its_group.as_str(), false),
        (0o600, its_group.as_str(), true),
        (0o640, "[Service]\nDynamicUser=yes\nSupplementaryGroups=no-such-group", true),
        (0o600, "[Service]\nUser=habar", false),
    ] {
        std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(mode)).unwrap();
        let told = warnings(line, unit);
        assert_eq!(told.contains("cannot be read by the service"), shut, "{mode:o} {unit}\n{told}");
        assert_eq!(told.contains("password.conf"), shut, "{told}");
    }

    // So for the secrets of sources.
    std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o600)).unwrap();
    let line = "[[source]]\nurl = 'https://b.example.org/'\nauth = { token_file = 'smtp.password' }";
    let line = format!("password_file = '/dev/null'\n{line}");
    assert!(warnings(&line, "[Service]\nDynamicUser=yes").contains("write \"smtp.password\" here"));
    assert_eq!(warnings(&line, &dropin), "", "the unit hands it over");

    // And for the config itself.
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    let told = warnings(&line, &dropin);
    assert!(told.contains("habar.toml: warning: cannot be read by the service"), "{told}");
    assert!(told.contains(&format!("chmod o+r {}", path.display())), "{told}");
}

#[test]
fn no_message_shows_a_secret() {
    let cases = [
        "[mail]\npassword = \"hunter2\"",
        "[mail]\nsmtp_pass=\"hunter2\"",
        "[mail]\napi_key = 'hunter2'",
        "[mail]\nvia = \"smtp://habar:hunter2@mail\"",
        "[mail]\nvia = \"smtp://habar:hunter2@mail",
        "[mail]\nvia = \"imap://habar:hunter2@mail\"",
        "[[source]]\nurl = \"https://hunter2@example.org/\"",
        "[[source]]\nurl = \"ftp://habar:hunter2@example.org/\"",
        "[[source]]\nurl = 5 # https://habar:hunter2@example.org/",
        "[[source]]\nurl = \"https://example.org/\"\nheaders = { Authorization = \"hunter2\" }",
        "[[source]]\nurl = \"https://example.org/\"\nauth = { user = \"habar\", password = \"hunter2\" }",
        "[[webhook]]\nname = \"ops\"\nsecret = \"hunter2\"\nsecret = 5",
        "[http]\nproxy = \"http://habar:hunter2@proxy\"",
        "[[source]]\nurl = \"https://example.org/\"\nauth = { user = 5, token = \"hunter2\" }",
        "[[source]]\nurl = \"https://example.org/\"\n[source.auth]\npassword = \"hunter2\"",
        "[[source]]\nurl = \"https://example.org/\"\n[source.headers]\nCookie = \"hunter2\"\nHost = \"hunter2\"",
        "[[source]]\nurl = \"https://example.org/\"\nproxy = \"socks5://habar:hunter2@proxy\"",
        "token = \"hunter2",
        "[mail]\npassword = hunter2",
        "[[source]]\nurl = \"https://habar:hunter2@[example\"",
        "[http]\ncontact = \"https://habar:hunter2@[example\"",
    ];
    for text in cases {
        let said = diagnostics(&[("habar.toml", text)]);
        assert!(said.contains("error"), "{text}");
        assert!(!said.contains("hunter2"), "{text}\n{said}");
    }
}

#[test]
fn a_relative_maildir_lies_in_the_state_directory() {
    let state = Path::new("/var/lib/habar");
    let cases = [
        ("", Some("mail goes to the Maildir /var/lib/habar/mail: no mail server is set ([mail] via)")),
        (
            "[mail]\nvia = 'maildir:/srv/mail'",
            Some("mail goes to the Maildir /srv/mail: no mail server is set ([mail] via)"),
        ),
        ("[mail]\nvia = 'sendmail:'\nfrom = 'habar@example.org'", None),
    ];
    for (text, note) in cases {
        assert_eq!(accepted(text).maildir_note(state).as_deref(), note, "{text}");
    }
}

fn check_change(old: &str, new: &str, said: &[&str]) {
    assert_eq!(change_summary(&accepted(old), &accepted(new)), said, "{old}\n{new}");
}

#[test]
fn a_reload_says_in_words_what_changed() {
    let watch = "[[watch]]\nname = 'OTS'\nkeywords = ['OTS', 'summit']\n";
    let source = "[[source]]\nurl = 'https://a.example/'\n";
    let cases: [(&str, &str, &[&str]); 12] = [
        (
            source,
            "[[source]]\nurl = 'https://a.example/'\nheaders = { X-Odd = 'hunter2' }\nauth = { token_file = 't' }\nproxy = 'http://hunter2@p.example'\nproxy_password_file = 'p'",
            &[r#"source https://a.example/: headers +"x-odd", auth, proxy as usual → http://p.example"#],
        ),
        (
            "[[source]]\nurl = 'https://a.example/'\nheaders = { X-Odd = 'hunter1' }\nproxy = 'http://hunter1@p.example'\nproxy_password_file = 'p'",
            "[[source]]\nurl = 'https://a.example/'\nheaders = { X-Odd = 'hunter2' }\nproxy = 'http://hunter2@p.example'\nproxy_password_file = 'p'",
            &["source https://a.example/: headers, proxy http://p.example → http://p.example"],
        ),
        (
            "",
            "[[source]]\nurl = 'https://a.example/?token=hunter2'",
            &["source https://a.example/?token=… added"],
        ),
        (watch, watch, &[]),
        (watch, "", &[r#"watch "OTS" removed"#]),
        ("", watch, &[r#"watch "OTS" added"#]),
        (
            watch,
            "[[watch]]\nname = 'OTS'\nkeywords = ['OTS', 'TDT']\nto = ['a@example.org']\ndeliver = 'hourly'",
            &[
                r#"watch "OTS": keywords +"TDT" -"summit", to +"a@example.org" -"you@localhost", deliver now → hourly"#,
            ],
        ),
        (
            watch,
            "[[watch]]\nname = 'OTS'\nkeywords = ['summit', 'OTS']\nquiet = '22:00-07:00'\nlanguages = ['tr']",
            &[r#"watch "OTS": keywords in another order, quiet none → 22:00-07:00, sources and languages"#],
        ),
        (
            source,
            "[[source]]\nurl = 'https://b.example/'",
            &["source https://b.example/ added", "source https://a.example/ removed"],
        ),
        (
            source,
            "[[source]]\nurl = 'https://a.example/'\nname = 'A'\ntags = ['kz']\nmax_interval = '20m'\nfull_text = false",
            &[
                r#"source https://a.example/: name none → "A", tags +"kz", max_interval none → 20m, full_text true → false"#,
            ],
        ),
        (
            source,
            "[[source]]\nurl = 'https://a.example/'\nkind = 'page'\nitem = 'li'",
            &["source https://a.example/: kind feed → page"],
        ),
        (
            "[[source]]\nurl = 'https://a.example/'\nkind = 'page'\nitem = 'li'",
            "[[source]]\nurl = 'https://a.example/'\nkind = 'page'\nitem = 'li'\ntitle = 'h2'",
            &["source https://a.example/: selectors"],
        ),
    ];
    for (old, new, said) in cases {
        check_change(old, new, said);
    }
}

#[test]
fn sources_that_are_asked_otherwise_than_before_are_known() {
    let two = |more: &str, http: &str| {
        let sources = format!(
            "[[source]]\nurl = 'https://a.example/'\n{more}\n[[source]]\nurl = 'https://b.example/'\n"
        );
        accepted(&format!("{sources}[http]\n{http}"))
    };
    let plain = two("", "");
    let (a, both) = (vec!["https://a.example/"], vec!["https://a.example/", "https://b.example/"]);
    let cases = [
        (two("name = 'A'\nmax_interval = '20m'", "host_gap = '1s'"), vec![]),
        (two("auth = { token_file = 't' }", ""), a.clone()),
        (two("headers = { X-A = '1' }", ""), a.clone()),
        (two("proxy = 'http://p.example'", ""), a.clone()),
        (two("kind = 'sitemap'", ""), a.clone()),
        (two("allow_private = true", ""), a),
        (two("", "proxy = 'http://p.example'"), both.clone()),
        (two("", "allow_private = ['10.0.0.0/8']"), both),
    ];
    for (new, expected) in cases {
        assert_eq!(asked_otherwise(&plain, &new), expected);
    }
    assert_eq!(asked_otherwise(&accepted(""), &plain), Vec::<String>::new(), "new ones are due anyway");
}

#[test]
fn a_reload_says_what_changed_in_every_section() {
    let server =
        "[mail]\nfrom = 'habar@example.org'\nto = ['desk@example.org']\nvia = 'smtps://mail.example.org'\n";
    let cases: [(&str, &str, &[&str]); 4] = [
        (
            "",
            server,
            &[
                r#"mail: from "Habar <habar@localhost>" → "habar@example.org", to +"desk@example.org" -"you@localhost", via maildir:mail → smtps://mail.example.org"#,
                r#"admin: to +"desk@example.org" -"you@localhost""#,
            ],
        ),
        (
            "[polling]\nbudget = 48\nfloor = '10m'\n[http]\nhost_gap = '1s'",
            "[polling]\nbudget = 60\n[http]\nallow_private = ['10.0.0.0/8']\nproxy = 'http://p.example:3128'",
            &[
                "polling: budget 48 → 60, floor 10m → 15m",
                r#"http: host_gap 1s → 2s, allow_private +"10.0.0.0/8", proxy none → http://p.example:3128"#,
            ],
        ),
        (
            "",
            "[reading]\nretry = '5m'\n[delivery]\ngather = '1m'\nfold_after = 5\n[store]\nkeep = '30d'",
            &[
                "reading: retry 10m → 5m",
                "delivery: gather 45s → 1m, fold_after 20 → 5",
                "store: keep 365d → 30d",
            ],
        ),
        (
            "[[watch]]\nname = 'A'\nkeywords = ['a1']\n[[watch]]\nname = 'B'\nkeywords = ['b1']",
            "[[watch]]\nname = 'B'\nkeywords = ['b1']\n[[watch]]\nname = 'A'\nkeywords = ['a1']",
            &["watches in another order"],
        ),
    ];
    for (old, new, said) in cases {
        check_change(old, new, said);
    }
}

#[test]
fn no_beginning_of_a_config_is_too_odd_to_be_told_about() {
    for (at, _) in TEMPLATE.char_indices().step_by(13) {
        let mut report = diagnostic::Report::default();
        let text = TEMPLATE[..at].replace("\n#", "\n");
        let file = report.add_file(Path::new("habar.toml"), text);
        raw::read(file, raw::Role::Main, &mut report);
        for diagnostic in report.finish().unwrap_or_else(|errors| errors) {
            assert!(!diagnostic.to_string().is_empty());
        }
    }
}

/// What the shipped file says of a key: `section.key` and the value, before the comment.
fn shipped(prefix: &str) -> Vec<(String, String)> {
    let mut section = String::new();
    let mut found = Vec::new();
    for line in TEMPLATE.lines() {
        let header = line.strip_prefix('#').unwrap_or(line);
        if header.starts_with('[') {
            section = header.trim_matches(['[', ']']).to_owned();
        }
        let Some((key, value)) = line.strip_prefix(prefix).and_then(|line| line.split_once(" = ")) else {
            continue;
        };
        if key.bytes().all(|b| b.is_ascii_lowercase() || b == b'_') {
            let value = value.split("  #").next().unwrap_or(value).trim_end();
            found.push((format!("{section}.{key}"), value.to_owned()));
        }
    }
    found
}

#[test]
fn the_shipped_file_explains_every_key() {
    let named: Vec<String> = ["", "#", "## "].iter().flat_map(|p| shipped(p)).map(|(key, _)| key).collect();
    for (section, _, keys) in raw::TOP {
        for (key, _) in keys {
            let key = format!("{section}.{key}");
            assert!(named.contains(&key), "{key} is not in config/habar.toml");
        }
    }
    assert!(named.iter().any(|key| key == ".include"));
    for line in TEMPLATE.lines().filter(|line| line.starts_with('#') && line.contains(" = ")) {
        assert!(line.contains("  # ") || line.starts_with("#  "), "no explanation: {line}");
    }
}

/// What `init` writes, with another text for the main file.
fn with_packs(main: &str) -> Config {
    let (loaded, _) = load_files(&[&[("habar.toml", main)], &PACKS[..]].concat());
    loaded.unwrap_or_else(|errors| panic!("{errors}"))
}

#[test]
fn the_shipped_file_loads_and_its_commented_options_are_the_defaults() {
    let shipped_as_it_is = with_packs(TEMPLATE);
    assert_eq!(shipped_as_it_is.warnings, []);

    let uncommented: String = TEMPLATE
        .lines()
        .map(|line| if is_default(line) { &line[1..] } else { line })
        .collect::<Vec<_>>()
        .join("\n");
    assert_ne!(uncommented, TEMPLATE);
    let mut with_defaults = with_packs(&uncommented);
    assert_eq!(with_defaults.warnings, []);
    // The watch and the source that are there to be changed come first; what of them stands without ## is enough.
    let (watch, source) = (with_defaults.watches.remove(0), with_defaults.sources.remove(0));
    assert_eq!(change_summary(&shipped_as_it_is, &with_defaults), Vec::<String>::new());
    let least = format!("[[source]]\nurl = '{}'\n[[watch]]\nname = '{}'\n", source.url, watch.name);
    let least = accepted(&format!("{least}keywords = {:?}", watch.keywords));
    let shown = Config { sources: vec![source], watches: vec![watch], ..with_defaults };
    assert_eq!(change_summary(&least, &shown), Vec::<String>::new());

    // Outside of [mail], [[source]] and [[watch]] everything has a default, so everything is shown at it.
    let defaults: Vec<String> = shipped("#").into_iter().map(|(key, _)| key).collect();
    for (section, _, keys) in raw::TOP.iter().filter(|top| !matches!(top.0, "mail" | "source" | "watch")) {
        for (key, _) in *keys {
            assert!(defaults.contains(&format!("{section}.{key}")), "{section}.{key} has a default");
        }
    }
}

fn is_default(line: &str) -> bool {
    line.strip_prefix('#')
        .is_some_and(|rest| rest.starts_with("[[") || rest.starts_with(|c: char| c.is_ascii_lowercase()))
}

#[test]
fn the_examples_of_the_shipped_file_are_accepted() {
    for (key, value) in shipped("## ") {
        let (section, key) = key.split_once('.').unwrap();
        let before = match section {
            "" => continue,
            "mail" => "[mail]\nfrom = 'habar@example.org'\nto = ['desk@example.org']\nuser = 'habar'\n",
            "source" if key == "proxy_password_file" => {
                "[[source]]\nurl = 'https://example.org/'\nproxy = 'http://me@proxy.example'\n"
            }
            "source" if ["item", "link", "title", "date", "summary"].contains(&key) => {
                "[[source]]\nurl = 'https://example.org/'\nkind = 'page'\nitem = 'article'\n"
            }
            "source" => "[[source]]\nurl = 'https://example.org/'\n",
            _ => "[[watch]]\nname = 'A'\nkeywords = ['OTS']\n",
        };
        let others: Vec<&str> = before.lines().filter(|line| !line.starts_with(&format!("{key} "))).collect();
        accepted(&format!("{}\n{key} = {value}\n", others.join("\n")));
    }
}

#[test]
fn senders_keep_their_names() {
    let cases = [
        ("habar@example.org", "habar@example.org"),
        ("Habar <habar@example.org>", "Habar <habar@example.org>"),
        ("Хабар <habar@example.org>", "Хабар <habar@example.org>"),
        (r#""Habar, Newsroom" <habar@example.org>"#, r#""Habar, Newsroom" <habar@example.org>"#),
    ];
    for (written, read) in cases {
        assert_eq!(accepted(&format!("[mail]\nfrom = '{written}'")).mail.from, read);
    }
}

#[test]
fn nesting_and_noise_are_refused_in_little_time() {
    for text in [
        "x = ".to_owned() + &"[".repeat(50_000),
        "[".repeat(50_000),
        "a.".repeat(50_000),
        "=\n".repeat(50_000),
    ] {
        let (loaded, _) = load_files(&[("habar.toml", &text)]);
        let count = loaded.unwrap_err().diagnostics.len();
        assert!((1..=20).contains(&count), "{count} errors for {}…", &text[..10]);
    }
}
