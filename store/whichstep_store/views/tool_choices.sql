-- One row per tool call: which model call chose it, and what came of it.
create or replace view public.tool_choices as
select
    replace(cast(step.execution_id as varchar), '-', '') as execution_id,  -- 32 hex digits
    format('{:016x}', step.step_id) as step_id,  -- 16 hex digits
    format('{:016x}', step.requested_by) as requested_by,  -- the llm_call that chose the tool; null where it is not known
    execution.task_type as task_type,  -- of the execution
    step.agent as agent,  -- that chose
    step.tool as tool,  -- name of the tool
    step.arguments as arguments,  -- JSON, preview of at most 1 KiB
    step.position as position,  -- of the step in the execution
    step.attempt as attempt,  -- over 1 repeats a failed call: no new choice
    step.status as status  -- of the step
from main.step_rows as step
inner join main.execution_rows as execution
    on step.execution_id = execution.execution_id
where step.type = 'tool_call' and step.tool is not null;
