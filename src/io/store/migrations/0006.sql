-- Where an entry is, as a hash of its address; NULL where it has none of its own, or none is known. By it an old
-- entry is found that comes under a new id: see src/domain/feed/identity.rs.
ALTER TABLE entries ADD COLUMN place INTEGER;
CREATE INDEX entries_place ON entries (feed_id, place) WHERE place IS NOT NULL;
