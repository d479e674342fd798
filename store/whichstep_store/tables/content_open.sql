-- Texts that are not yet in a Parquet segment, stored once a trace: agent loops resend their whole history.
create table content_open (
    trace_id uuid not null,
    hash uuid not null,       -- BLAKE2b-128 of the UTF-8 text
    text varchar not null
);
