-- The manifest: every closed Parquet file. A file not listed here does not exist.
create table segments (
    segment_id varchar not null,     -- file stem
    kind varchar not null,           -- spans, content, logs
    received_day date not null,      -- retention drops whole files by this day
    rows bigint not null,
    bytes bigint not null,
    min_started_at timestamp_ns,
    max_started_at timestamp_ns,
    min_trace_id uuid,
    max_trace_id uuid,
    sealed_at timestamp_ns not null,
    sha256 varchar not null
);
