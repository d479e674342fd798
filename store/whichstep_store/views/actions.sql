-- One row per tool call, and per requested action that has no tool call yet.
create or replace view public.actions as
select
    coalesce(approval.action, step.tool) as action,  -- name of the tool or action
    approval.risk_level as risk_level,  -- by policy: auto, log, approve, block; null: under no policy, or not asked
    approval.rule as rule,  -- of the policy that decided
    coalesce(step.status in ('ok', 'error', 'running'), false) as ran,  -- whether it was carried out
    format('{:016x}', coalesce(step.step_id, approval.step_id)) as step_id,  -- 16 hex digits
    replace(cast(coalesce(step.execution_id, approval.execution_id) as varchar), '-', '') as execution_id,  -- 32 hex digits
    coalesce(approval.approval_id, step.approval_id) as approval_id  -- null where none was asked for
from (select * from main.step_rows where type = 'tool_call' or approval_id is not null) as step
full join main.approval_rows as approval on step.approval_id = approval.approval_id;
