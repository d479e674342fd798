-- Texts that are not yet in a Parquet segment, stored once a trace: agent loops resend their whole history. Empty in
-- the file and in memory like span_open.
create table content_open (
    trace_id uuid not null,
    hash uuid not null,       -- BLAKE2b-128 of the UTF-8 text
    text varchar not null
);
