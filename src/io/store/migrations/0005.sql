-- When a server asks for time, its host is left alone until then; not so a host that carries the feeds of others.
ALTER TABLE hosts ADD COLUMN held_until INTEGER NOT NULL DEFAULT 0;
ALTER TABLE feeds ADD COLUMN relayed INTEGER NOT NULL DEFAULT 0;

-- What the last document asked for: a pause in milliseconds, and hours and days (see src/domain/schedule/skip.rs).
ALTER TABLE feeds ADD COLUMN hint_pause INTEGER;
ALTER TABLE feeds ADD COLUMN hint_skip INTEGER NOT NULL DEFAULT 0;

-- Where permanent redirects have led: the address that is asked instead of url, and one that has yet to prove itself.
ALTER TABLE feeds ADD COLUMN moved_to TEXT;
ALTER TABLE feeds ADD COLUMN trial_to TEXT;
ALTER TABLE feeds ADD COLUMN trial_times INTEGER NOT NULL DEFAULT 0;
ALTER TABLE feeds ADD COLUMN trial_at INTEGER;
CREATE INDEX feeds_moved ON feeds (moved_to) WHERE moved_to IS NOT NULL;

-- Entries that came and went between two polls: when last, how sure that is, and the longest wait since.
ALTER TABLE feeds ADD COLUMN lost_at INTEGER;
ALTER TABLE feeds ADD COLUMN lost_evidence INTEGER NOT NULL DEFAULT 0;
ALTER TABLE feeds ADD COLUMN lost_most INTEGER;

-- When news came (news_at is when last): how often, since when, and the longest pause in milliseconds.
ALTER TABLE feeds ADD COLUMN arrivals INTEGER NOT NULL DEFAULT 0;
ALTER TABLE feeds ADD COLUMN arrivals_since INTEGER;
ALTER TABLE feeds ADD COLUMN longest_pause INTEGER NOT NULL DEFAULT 0;

-- When a whole document was had last, and whether its server was caught saying that it is unchanged when it was not.
ALTER TABLE feeds ADD COLUMN whole_at INTEGER;
ALTER TABLE feeds ADD COLUMN distrusted INTEGER NOT NULL DEFAULT 0;

-- The words of the feed are a hit: its page is read before others of its host.
ALTER TABLE entries ADD COLUMN likely INTEGER NOT NULL DEFAULT 0;
CREATE INDEX entries_likely ON entries (host_id, due_at) WHERE likely = 1 AND due_at IS NOT NULL;
