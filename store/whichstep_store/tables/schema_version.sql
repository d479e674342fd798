-- One row: the version of this file's tables.
create table schema_version (version integer not null);
