-- Which execution a trace belongs to; a trace that several tasks share has a row for each.
create or replace view public.trace_executions as
select
    replace(cast(trace_id as varchar), '-', '') as trace_id,  -- 32 hex digits
    replace(cast(execution_id as varchar), '-', '') as execution_id,  -- 32 hex digits
    rule  -- explicit, run_key, links, resume, trace, setup
from main.trace_executions;
