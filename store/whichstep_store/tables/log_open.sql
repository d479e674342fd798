-- The log records of log_rows that are not yet in a Parquet segment. Empty in the file, in memory like span_open.
create table log_open as
select log_rows.*
from log_rows
limit 0;
