-- That an entry was seen is remembered for ever, when all else of it is forgotten.
CREATE TABLE seen (
    feed_id INTEGER NOT NULL REFERENCES feeds (id),
    ident   INTEGER NOT NULL,
    content INTEGER NOT NULL,
    quiet   INTEGER NOT NULL,
    PRIMARY KEY (feed_id, ident)
) WITHOUT ROWID;

-- Of an entry whose story was alerted all is kept but its text: it is forgotten then. One that was edited
-- is as old as its last edit.
ALTER TABLE entries ADD COLUMN edited_at INTEGER;
ALTER TABLE entries ADD COLUMN forgotten INTEGER NOT NULL DEFAULT 0;
CREATE INDEX entries_found ON entries (found_at, feed_id) WHERE forgotten = 0;

CREATE INDEX messages_dead ON messages (id) WHERE state = 'dead';
CREATE INDEX notices_current ON notices (subject) WHERE state <> 'over';
