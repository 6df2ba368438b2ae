-- Times are unix milliseconds. The claim columns (due_at, claim, owner, attempts, crashes, last_error)
-- stand in each table that can be claimed; see src/io/store/lease.rs.

CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value BLOB NOT NULL
) WITHOUT ROWID;

-- A host is asked by one worker at a time. poll_at and page_at say when its next feed and its next
-- page can be claimed: never before next_at, NULL when it has none.
CREATE TABLE hosts (
    id        INTEGER PRIMARY KEY,
    name      TEXT NOT NULL UNIQUE,
    claim     INTEGER NOT NULL DEFAULT 0,
    owner     INTEGER,
    next_at   INTEGER NOT NULL DEFAULT 0,
    poll_at   INTEGER,
    page_at   INTEGER,
    robots    BLOB,
    robots_at INTEGER
);
CREATE INDEX hosts_poll ON hosts (poll_at) WHERE poll_at IS NOT NULL;
CREATE INDEX hosts_page ON hosts (page_at) WHERE page_at IS NOT NULL;

CREATE TABLE feeds (
    id            INTEGER PRIMARY KEY,
    url           TEXT NOT NULL UNIQUE,
    host_id       INTEGER NOT NULL REFERENCES hosts (id),
    active        INTEGER NOT NULL DEFAULT 1,
    paused        INTEGER NOT NULL DEFAULT 0,
    asked_at      INTEGER,
    title         TEXT,
    etag          BLOB,
    last_modified BLOB,
    answered_by   TEXT,
    body_hash     INTEGER,
    added_at      INTEGER NOT NULL,
    seen_at       INTEGER,
    polled_at     INTEGER,
    worked_at     INTEGER,
    news_at       INTEGER,
    health        TEXT NOT NULL DEFAULT 'new',
    health_since  INTEGER NOT NULL,
    reason        TEXT,
    failures      INTEGER NOT NULL DEFAULT 0,
    due_reason    TEXT NOT NULL DEFAULT 'rhythm',
    due_at        INTEGER,
    claim         INTEGER NOT NULL DEFAULT 0,
    owner         INTEGER,
    attempts      INTEGER NOT NULL DEFAULT 0,
    crashes       INTEGER NOT NULL DEFAULT 0,
    last_error    TEXT
);
CREATE INDEX feeds_due ON feeds (host_id, due_at) WHERE due_at IS NOT NULL AND paused = 0;
CREATE INDEX feeds_owned ON feeds (owner) WHERE owner IS NOT NULL;
CREATE INDEX feeds_crashed ON feeds (crashes) WHERE crashes > 0;
CREATE INDEX feeds_unpolled ON feeds (id) WHERE polled_at IS NULL AND active = 1 AND paused = 0;

-- `ident` and `content` are hashes: of the entry's id, and of what an edit would change.
-- A `quiet` entry was old when its source was first seen: it is stored and never alerts.
-- `fresh` marks the entries of a first sight whose page has not been tried yet.
CREATE TABLE entries (
    id         INTEGER PRIMARY KEY,
    feed_id    INTEGER NOT NULL REFERENCES feeds (id),
    ident      INTEGER NOT NULL,
    content    INTEGER NOT NULL,
    title      TEXT NOT NULL,
    link       TEXT,
    summary    TEXT NOT NULL,
    author     TEXT,
    language   TEXT,
    published  INTEGER,
    found_at   INTEGER NOT NULL,
    quiet      INTEGER NOT NULL DEFAULT 0,
    first      INTEGER NOT NULL DEFAULT 0,
    fresh      INTEGER NOT NULL DEFAULT 0,
    edits      INTEGER NOT NULL DEFAULT 0,
    host_id    INTEGER REFERENCES hosts (id),
    due_at     INTEGER,
    claim      INTEGER NOT NULL DEFAULT 0,
    owner      INTEGER,
    attempts   INTEGER NOT NULL DEFAULT 0,
    crashes    INTEGER NOT NULL DEFAULT 0,
    last_error TEXT,
    UNIQUE (feed_id, ident)
);
CREATE INDEX entries_due ON entries (host_id, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX entries_owned ON entries (owner) WHERE owner IS NOT NULL;
CREATE INDEX entries_crashed ON entries (crashes) WHERE crashes > 0;
CREATE INDEX entries_fresh ON entries (id) WHERE fresh = 1;

-- title and text are NULL where they are the entry's own title and summary.
CREATE TABLE articles (
    entry_id  INTEGER PRIMARY KEY REFERENCES entries (id),
    story_id  INTEGER NOT NULL REFERENCES stories (id),
    full      INTEGER NOT NULL,
    title     TEXT,
    text      TEXT,
    author    TEXT,
    language  TEXT,
    published INTEGER,
    canonical TEXT,
    problem   TEXT,
    placed_at INTEGER NOT NULL
);
CREATE INDEX articles_story ON articles (story_id);

CREATE TABLE stories (
    id       INTEGER PRIMARY KEY,
    first_at INTEGER NOT NULL
);

CREATE TABLE story_keys (
    key      INTEGER PRIMARY KEY,
    story_id INTEGER NOT NULL,
    entry_id INTEGER NOT NULL
);

CREATE TABLE watches (
    id       INTEGER PRIMARY KEY,
    name     TEXT NOT NULL UNIQUE,
    position INTEGER NOT NULL,
    active   INTEGER NOT NULL DEFAULT 1,
    paused   INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE recipients (
    id         INTEGER PRIMARY KEY,
    address    TEXT NOT NULL UNIQUE,
    due_at     INTEGER,
    claim      INTEGER NOT NULL DEFAULT 0,
    owner      INTEGER,
    attempts   INTEGER NOT NULL DEFAULT 0,
    crashes    INTEGER NOT NULL DEFAULT 0,
    last_error TEXT
);
CREATE INDEX recipients_due ON recipients (due_at) WHERE due_at IS NOT NULL;

-- A subscription without a watch is the administrator's: notices are mailed under it.
CREATE TABLE subscriptions (
    id           INTEGER PRIMARY KEY,
    watch_id     INTEGER REFERENCES watches (id),
    recipient_id INTEGER NOT NULL REFERENCES recipients (id),
    active       INTEGER NOT NULL DEFAULT 1
);
CREATE UNIQUE INDEX subscriptions_one ON subscriptions (recipient_id, IFNULL(watch_id, 0));

CREATE TABLE hits (
    entry_id INTEGER NOT NULL REFERENCES entries (id),
    watch_id INTEGER NOT NULL REFERENCES watches (id),
    found    TEXT NOT NULL,
    PRIMARY KEY (entry_id, watch_id)
) WITHOUT ROWID;

-- state: open, told (message_id says by which mail), cancelled.
-- A `held` alert belongs to a first sight: it waits until what was seen with it has been read.
CREATE TABLE alerts (
    id              INTEGER PRIMARY KEY,
    subscription_id INTEGER NOT NULL REFERENCES subscriptions (id),
    story_id        INTEGER NOT NULL REFERENCES stories (id),
    entry_id        INTEGER NOT NULL REFERENCES entries (id),
    made_at         INTEGER NOT NULL,
    release_at      INTEGER NOT NULL,
    held            INTEGER NOT NULL DEFAULT 0,
    state           TEXT NOT NULL DEFAULT 'open',
    message_id      INTEGER REFERENCES messages (id),
    told_at         INTEGER,
    UNIQUE (story_id, subscription_id)
);
CREATE INDEX alerts_open ON alerts (subscription_id, release_at) WHERE state = 'open';
CREATE INDEX alerts_held ON alerts (id) WHERE held = 1;
CREATE INDEX alerts_told ON alerts (subscription_id, told_at) WHERE state = 'told';
CREATE INDEX alerts_entry ON alerts (entry_id);

-- The ledger. state: waiting, sent, dead, cancelled. All columns exist since compose, and
-- `reply` has its full length, filled with spaces: a delivery settles without growing the database.
CREATE TABLE messages (
    id              INTEGER PRIMARY KEY,
    subscription_id INTEGER NOT NULL REFERENCES subscriptions (id),
    recipient_id    INTEGER NOT NULL REFERENCES recipients (id),
    message_id      TEXT NOT NULL UNIQUE,
    subject         TEXT NOT NULL,
    composed_at     INTEGER NOT NULL,
    state           TEXT NOT NULL DEFAULT 'waiting',
    settled_at      INTEGER NOT NULL DEFAULT 0,
    reply           TEXT NOT NULL DEFAULT '',
    via             TEXT NOT NULL DEFAULT '',
    due_at          INTEGER,
    claim           INTEGER NOT NULL DEFAULT 0,
    owner           INTEGER,
    attempts        INTEGER NOT NULL DEFAULT 0,
    crashes         INTEGER NOT NULL DEFAULT 0,
    last_error      TEXT
);
CREATE INDEX messages_due ON messages (due_at) WHERE due_at IS NOT NULL;
-- The final bytes, apart from what a delivery changes.
CREATE TABLE bodies (
    message_id INTEGER PRIMARY KEY REFERENCES messages (id),
    bytes      BLOB NOT NULL
);

CREATE INDEX messages_recent ON messages (recipient_id, composed_at);

-- state: open (to be told), told, over.
CREATE TABLE notices (
    id         INTEGER PRIMARY KEY,
    kind       TEXT NOT NULL,
    subject    TEXT NOT NULL,
    message    TEXT NOT NULL,
    since      INTEGER NOT NULL,
    release_at INTEGER NOT NULL,
    state      TEXT NOT NULL DEFAULT 'open',
    UNIQUE (kind, subject)
);

CREATE TABLE notice_told (
    notice_id       INTEGER NOT NULL REFERENCES notices (id),
    subscription_id INTEGER NOT NULL REFERENCES subscriptions (id),
    PRIMARY KEY (notice_id, subscription_id)
) WITHOUT ROWID;
