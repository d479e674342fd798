-- Whether an execution has a step: one row or none.
-- Parameters: execution_id, 32 hex digits; step_id, 16 hex digits.
select step_id
from step_rows
where execution_id = cast($execution_id as uuid) and step_id = cast('0x' || cast($step_id as varchar) as ubigint);
