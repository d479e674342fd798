-- Rows in Parquet segments that lost to a later arrival of the same span id (a start record that was sealed before
-- its span ended). The view `spans` leaves them out; compaction drops them from the segments and from here.
create table spans_superseded (
    trace_id uuid not null,
    span_id ubigint not null,
    digest uuid not null
);
