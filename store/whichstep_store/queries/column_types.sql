-- Name and type of every column of the public views and of the tables.
select schema_name, table_name, column_name, data_type
from duckdb_columns()
where schema_name in ('public', 'main') and not internal
order by schema_name, table_name, column_index;
