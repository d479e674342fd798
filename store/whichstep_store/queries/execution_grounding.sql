-- What was found of the answer of one execution. Parameters: execution_id, 32 hex digits.
select lower(printf('%016x', step_id)) as step_id, checked, ungrounded
from grounding_rows
where execution_id = cast($execution_id as uuid);
