-- Of executions whose right tools are known: each tool that was right beside the one that was chosen in its place.
create or replace view public.tool_matches as
select
    replace(cast(execution_id as varchar), '-', '') as execution_id,  -- 32 hex digits
    expected,  -- the tool that was right; (no tool): the call was needless; (a person): escalation
    chosen,  -- the tool that was chosen; (no tool): the call is missing; (a person): escalated
    format('{:016x}', step_id) as step_id,  -- 16 hex digits, of the call that was made
    arguments_match  -- whether the arguments were right, too; null: the tools differ, or nobody stated any
from main.tool_match_rows;
