-- What failed: tries of a page (kind 'page', its entry) and of a mail (kind 'mail', its message). Equal
-- reasons in a row are one row. It is history, which nothing depends on.
CREATE TABLE tries (
    id       INTEGER PRIMARY KEY,
    kind     TEXT NOT NULL,
    row_id   INTEGER NOT NULL,
    first_at INTEGER NOT NULL,
    last_at  INTEGER NOT NULL,
    count    INTEGER NOT NULL DEFAULT 1,
    reason   TEXT NOT NULL
);
CREATE INDEX tries_of ON tries (kind, row_id);
CREATE INDEX tries_old ON tries (last_at);

-- When what is stored of an article was read.
ALTER TABLE articles ADD COLUMN read_at INTEGER;

-- What a person asks of a mail: asked is retry, retry-any-way or drop. It is tried for five days from
-- patient_from; NULL: from when it was composed.
ALTER TABLE messages ADD COLUMN asked TEXT;
ALTER TABLE messages ADD COLUMN asked_at INTEGER;
ALTER TABLE messages ADD COLUMN patient_from INTEGER;
CREATE INDEX messages_asked ON messages (id) WHERE asked IS NOT NULL;

-- An article is looked for by its words: these are read from end to end, which the tables would be too long
-- for. Time stands first, so that what comes is written at their ends.
CREATE INDEX entries_words ON entries (found_at, title, link);
CREATE INDEX articles_words ON articles (placed_at, title) WHERE title IS NOT NULL;
