-- Up to version 1 the open rows were in the tables span_open, content_open and log_open, and the journal was read from
-- journal_position on. Now they are in memory and the journal is read from sealed_position on: an older build would
-- miss the rows between. The start seals the rows that it finds in the tables; an older build's empty ones stay.
drop table if exists fresh_logs;
