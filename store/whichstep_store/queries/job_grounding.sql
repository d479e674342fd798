-- What was found ungrounded in the executions of the table `asked_traces`.
select replace(cast(execution_id as varchar), '-', '') as execution_id, step_id, ungrounded
from grounding_rows
where len(ungrounded) > 0
    and execution_id in (
        select execution_id from trace_executions where trace_id in (select trace_id from asked_traces)
    );
