-- One row: everything in the journal before this point is in closed Parquet segments, so the journal may forget it.
create table sealed_position (
    segment ubigint not null,
    byte_offset ubigint not null
);
