-- What is learned of a feed: how much news it brings and when (`rate`, see src/domain/schedule/rate.rs; `level`
-- is its level in items a second), how many entries its document shows, and for how long in milliseconds its
-- server called its last answer fresh. NULL: not known yet.
ALTER TABLE feeds ADD COLUMN rate BLOB;
ALTER TABLE feeds ADD COLUMN level REAL;
ALTER TABLE feeds ADD COLUMN shows INTEGER;
ALTER TABLE feeds ADD COLUMN fresh INTEGER;
