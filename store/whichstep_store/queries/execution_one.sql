-- One execution with its suspects.
-- Parameters: execution_id, 32 hex digits.
select
    /* include execution_columns */,
    suspects
from execution_rows
where execution_id = cast($execution_id as uuid);
