-- One row per tool call, and per requested action that has no tool call.
create or replace view public.actions as
select
    coalesce(step.tool, approval.action) as action,  -- name of the tool or action
    coalesce(
        judged.risk_level, approval.risk_level, case when step.status = 'blocked' then 'block' end
    ) as risk_level,  -- by the sidecar's policy, else as it was asked for: auto, log, approve, block; null: unknown
    coalesce(judged.rule, approval.rule) as rule,  -- of the policy that decided
    coalesce(step.status in ('ok', 'error', 'running'), false) as ran,  -- whether it was carried out
    format('{:016x}', coalesce(step.step_id, held.step_id, approval.step_id)) as step_id,  -- 16 hex digits
    replace(cast(coalesce(step.execution_id, approval.execution_id) as varchar), '-', '') as execution_id,  -- 32 hex digits
    coalesce(approval.approval_id, step.approval_id) as approval_id,  -- null where none was asked for
    judged.gated as gated,  -- a person's approval of this action was used for it; null under no policy
    judged.policy_digest as policy_digest,  -- of the policy that it was compared with
    coalesce(step.started_at, approval.created_at) as started_at  -- UTC
from (select * from main.step_rows where tool is not null and type in ('tool_call', 'handoff')) as step
left join main.action_rows as judged on step.execution_id = judged.execution_id and step.step_id = judged.step_id
full join main.approval_rows as approval on step.approval_id = approval.approval_id
left join (select * from main.step_rows where type = 'approval' and approval_id is not null) as held
    on approval.execution_id = held.execution_id and approval.approval_id = held.approval_id;
