-- The log records of log_rows that are not yet in a Parquet segment.
create table log_open as
select log_rows.*
from log_rows
limit 0;
