//! A store of every schema that was ever in use is brought to the newest one, with all it has; and nothing
//! that stops it on the way leaves a mixture.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::time::Duration;

use super::*;
use crate::program::Home;
use crate::small_disk;
use crate::world::{World, article, item, rss, subjects};
use habar::io::store::Error;
use rusqlite::types::Value;

/// A store that a daemon of schema 1 left when it was killed: a page and a mail under way, mails that wait,
/// one that was given up, alerts for tomorrow's mail, one that was cancelled, trouble told and not yet told.
const SCHEMA_1: &str = include_str!("../../data/store/schema-1.sql");

/// What a start changes of what a dead process held, and what a host's row is computed from.
const CLAIMS: [&str; 6] = ["due_at", "owner", "crashes", "poll_at", "page_at", "claim"];

fn restored(dir: &Path) -> PathBuf {
    let file = dir.join(FILE_NAME);
    Connection::open(&file)
        .unwrap()
        .execute_batch(&format!("PRAGMA journal_mode = wal; {SCHEMA_1}"))
        .unwrap();
    file
}

#[test]
fn a_store_of_schema_1_keeps_all_it_has() {
    let dir = TempDir::new().unwrap();
    let file = restored(dir.path());
    let columns = columns(&open(&file));
    let before = (rows(&open(&file), &columns, &[]), rows(&open(&file), &columns, &CLAIMS));
    assert!(before.0.iter().all(|(_, rows)| !rows.is_empty()), "the store has something in every table");

    drop(Store::open(dir.path(), NOW).unwrap());

    let copy = dir.path().join(format!("{FILE_NAME}.schema-1"));
    assert_eq!(schema_number(&open(&copy)), 1);
    assert_eq!(rows(&open(&copy), &columns, &[]), before.0, "the copy beside it is whole");
    assert_eq!(rows(&open(&file), &columns, &CLAIMS), before.1, "nothing was lost or changed");
    let new = TempDir::new().unwrap();
    drop(Store::open(new.path(), NOW).unwrap());
    let new = open(&new.path().join(FILE_NAME));
    assert_eq!(schema(&open(&file)), schema(&new), "it is as if it had been made today");
    assert_eq!(schema_number(&open(&file)), schema_number(&new));
    assert!(sound(&open(&file)));
}

#[tokio::test]
async fn the_daemon_goes_on_where_the_older_one_was_killed() {
    let mut world = World::over(AS_IT_WAS, SCHEMA_1).await;
    world.page("http://c.test/slow.html", article("A slow page", crate::world::RAIL));
    for feed in ["http://a.test/a.xml", "http://b.test/b.xml", "http://c.test/c.xml"] {
        world.page(feed, crate::web::Answer::feed(rss(&[])));
    }
    world.run_until_idle().await;

    let told = |world: &World, to: &str| {
        let mut told: Vec<String> =
            world.mail().into_iter().filter(|l| l.to.starts_with(to)).map(|l| l.subject).collect();
        told.sort();
        told
    };
    // What was under way and what waited goes, and so does what a page says that was never read.
    let expected = [
        "[Rail] A slow page · A feed",
        "[Rail] Rail company founded · A feed",
        "[Rail] Second railway · A feed",
    ];
    assert_eq!(told(&world, "later"), expected);
    assert_eq!(
        told(&world, "desk"),
        ["[Rail] A slow page · A feed", "[Rail] Second railway · A feed", "[Wheat] Wheat is in · A feed +1"]
    );
    assert_eq!(told(&world, "ghost"), ["[Rail] A slow page · A feed"], "what was given up stays so");
    assert_eq!(world.notices().len(), 1, "{:?}", subjects(&world.notices()));
    let asked: BTreeSet<String> = world.asked().into_iter().collect();
    for feed in ["http://a.test/a.xml", "http://b.test/b.xml", "http://c.test/c.xml"] {
        assert!(asked.contains(feed), "{feed} was due: {asked:?}");
    }
    // The words of an entry that is known are no news, those of another one are.
    world.publish("http://a.test/a.xml", item("http://a.test/r3.html", "Second railway").guid("r3"));
    world.publish("http://a.test/a.xml", item("http://a.test/r9.html", "Third railway").guid("r9"));
    world.page("http://a.test/r9.html", article("Third railway", crate::world::PORT));
    world.poll_all().await;
    assert_eq!(told(&world, "desk").len(), 4, "{:?}", told(&world, "desk"));
}

const AS_IT_WAS: &str = r#"
    [mail]
    via = "smtp://127.0.0.1:18472?tls=none"
    [delivery]
    gather = "0s"
    [[watch]]
    name = "Rail"
    keywords = ["railway"]
    to = ["desk@test.example", "ghost@test.example", "later@test.example"]
    [[watch]]
    name = "Wheat"
    keywords = ["wheat"]
    deliver = "daily 08:00"
    [[source]]
    url = "http://a.test/a.xml"
    [[source]]
    url = "http://b.test/b.xml"
    [[source]]
    url = "http://c.test/c.xml"
"#;

#[test]
fn a_migration_that_breaks_off_leaves_the_schema_before_it() {
    let known = schemas();
    let newest = known.keys().max().copied().unwrap();
    for number in 2..=newest {
        let dir = TempDir::new().unwrap();
        let file = restored(dir.path());
        // The last thing that the migration makes is there already: it fails when nearly all is done.
        let names =
            |number: i64| known[&number].iter().map(|(name, _)| name.clone()).collect::<BTreeSet<_>>();
        // Where columns are added, nothing can be in the way that is not damage.
        let Some(made) = names(number).difference(&names(number - 1)).max().cloned() else { continue };
        open(&file).execute_batch(&format!("CREATE TABLE \"{made}\" (in_the_way)")).unwrap();
        assert!(Store::open(dir.path(), NOW).is_err(), "migration {number} cannot have worked");

        let store = open(&file);
        assert_eq!(schema_number(&store), number - 1);
        store.execute_batch(&format!("DROP TABLE \"{made}\"")).unwrap();
        assert_eq!(schema(&store), known[&(number - 1)]);
        drop(store);
        drop(Store::open(dir.path(), NOW).unwrap());
        assert_eq!(schema(&open(&file)), known[&newest]);
        assert_eq!(count(&open(&file), "entries"), 7);
    }
}

#[tokio::test]
async fn killed_at_any_moment_of_an_upgrade_it_has_one_schema_and_every_row() {
    let known = schemas();
    let home = Home::new("[mail]\nfrom = \"habar@example.org\"\nto = [\"desk@example.org\"]\n");
    fs::create_dir(home.state()).unwrap();
    for wait in 0..12_u64 {
        for file in fs::read_dir(home.state()).unwrap() {
            fs::remove_file(file.unwrap().path()).unwrap();
        }
        let file = restored(&home.state());
        let mut upgrade = home.habar(&["once"]).spawn().unwrap();
        tokio::time::sleep(Duration::from_millis(wait * 5)).await;
        upgrade.kill().await.unwrap();

        let store = open(&file);
        let found = schema_number(&store);
        assert_eq!(schema(&store), known[&found], "killed after {} ms", wait * 5);
        assert_eq!(
            ["entries", "alerts", "messages", "bodies"].map(|table| count(&store, table)),
            [7, 9, 8, 7]
        );
        let copy = home.state().join(format!("{FILE_NAME}.schema-1"));
        assert!(found == 1 || copy.exists(), "no copy was made before");
        if copy.exists() {
            assert!(sound(&open(&copy)), "half a copy must not look like a whole one");
            assert_eq!(count(&open(&copy), "entries"), 7);
        }
        drop(store);
        drop(Store::open(&home.state(), NOW).unwrap());
    }
}

#[test]
fn a_full_disk_stops_an_upgrade_before_anything_is_changed() {
    small_disk::run("store::upgrade::inside_a_small_disk");
}

#[test]
#[ignore = "runs inside the mount of a_full_disk_stops_an_upgrade_before_anything_is_changed"]
fn inside_a_small_disk() {
    let Some(mount) = small_disk::mount() else { return };
    let state = mount.join("state");
    fs::create_dir(&state).unwrap();
    let file = restored(&state);
    let before = fs::read(&file).unwrap();
    // Room for a lock and an empty log, and for no copy.
    let filler = small_disk::fill(&mount);
    let room = fs::metadata(&filler).unwrap().len() - 100_000;
    fs::File::options().write(true).open(&filler).unwrap().set_len(room).unwrap();

    let refusal = Store::open(&state, NOW).err();
    assert!(matches!(refusal, Some(Error::NoRoomForCopy { .. })), "{refusal:?}");
    let said = refusal.unwrap().to_string();
    assert!(said.contains("needs 1 MB") && said.contains("nothing was changed"), "{said}");
    assert!(fs::read(&file).unwrap() == before, "it was written to");
    let left: Vec<_> = fs::read_dir(&state).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().contains("schema")), "{left:?}");

    fs::remove_file(filler).unwrap();
    assert!(Store::open(&state, NOW).is_ok(), "now there is room");
    assert_eq!(count(&open(&file), "entries"), 7);
}

#[test]
fn an_older_program_leaves_a_newer_store_alone() {
    let dir = TempDir::new().unwrap();
    drop(Store::open(dir.path(), NOW).unwrap());
    let file = dir.path().join(FILE_NAME);
    let newest = schema_number(&open(&file));
    open(&file).pragma_update(None, "user_version", newest + 1).unwrap();
    let before = fs::read(&file).unwrap();
    let refusal = Store::open(dir.path(), NOW).err();
    let Some(Error::Newer { found, known, .. }) = refusal else { panic!("{refusal:?}") };
    assert_eq!((found, known), (newest + 1, newest));
    assert!(fs::read(&file).unwrap() == before, "it was written to");
}

/// Type, name and SQL of everything in a schema, by name.
type Schema = BTreeSet<(String, String)>;

/// The schema after each of the migrations.
fn schemas() -> BTreeMap<i64, Schema> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/io/store/migrations");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    let store = Connection::open_in_memory().unwrap();
    let migrate = |(number, file): (i64, PathBuf)| {
        store.execute_batch(&fs::read_to_string(file).unwrap()).unwrap();
        (number, schema(&store))
    };
    (1..).zip(files).map(migrate).collect()
}

fn schema(store: &Connection) -> Schema {
    let mut statement = store
        .prepare("SELECT name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%' ORDER BY name")
        .unwrap();
    let plain = |sql: String| sql.split_whitespace().collect::<Vec<_>>().join(" ");
    let rows = statement.query_map([], |row| Ok((row.get(0)?, plain(row.get(1)?)))).unwrap();
    rows.map(Result::unwrap).collect()
}

fn open(file: &Path) -> Connection {
    Connection::open(file).unwrap()
}

fn schema_number(store: &Connection) -> i64 {
    store.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap()
}

fn count(store: &Connection, table: &str) -> i64 {
    store.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
}

fn sound(store: &Connection) -> bool {
    store.query_row("PRAGMA integrity_check", [], |row| row.get::<_, String>(0)).unwrap() == "ok"
        && store.query_row("SELECT count(*) FROM pragma_foreign_key_check", [], |row| row.get::<_, i64>(0))
            == Ok(0)
}

/// The columns of every table but `meta`, which is the program's own.
fn columns(store: &Connection) -> BTreeMap<String, Vec<String>> {
    let mut statement = store
        .prepare(
            "SELECT t.name, c.name FROM sqlite_schema t, pragma_table_info(t.name) c
             WHERE t.type = 'table' AND t.name <> 'meta' ORDER BY t.name, c.cid",
        )
        .unwrap();
    let mut columns: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let named = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    for (table, column) in named.map(Result::unwrap) {
        columns.entry(table).or_default().push(column);
    }
    columns
}

/// All rows of all tables, without some columns.
fn rows(
    store: &Connection,
    columns: &BTreeMap<String, Vec<String>>,
    without: &[&str],
) -> BTreeMap<String, Vec<Vec<Value>>> {
    let of = |(table, columns): (&String, &Vec<String>)| {
        let columns: Vec<&str> =
            columns.iter().map(String::as_str).filter(|column| !without.contains(column)).collect();
        let sql = format!("SELECT {} FROM {table} ORDER BY 1, 2", columns.join(", "));
        let mut statement = store.prepare(&sql).unwrap();
        let rows = statement
            .query_map([], |row| (0..columns.len()).map(|column| row.get(column)).collect())
            .unwrap()
            .map(Result::unwrap);
        (table.clone(), rows.collect())
    };
    columns.iter().map(of).collect()
}
