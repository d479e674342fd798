-- How far the journal is loaded. Written in the same transaction as the rows, so a replay starts exactly here.
create table journal_position (
    segment ubigint not null,
    byte_offset ubigint not null
);
