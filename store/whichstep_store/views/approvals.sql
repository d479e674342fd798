-- One row per request for approval of an action by a person, with what became of the action and of the execution.
create or replace view public.approvals as
select
    asked.approval_id,  -- as the sidecar gave it
    replace(cast(asked.execution_id as varchar), '-', '') as execution_id,  -- 32 hex digits
    format('{:016x}', asked.step_id) as step_id,  -- 16 hex digits: the step that waits
    asked.state,  -- pending, approved, edited, rejected, expired, cancelled, consumed
    asked.action,  -- name of the action
    asked.arguments,  -- JSON, as asked for
    asked.evidence,  -- JSON array of what the reviewer is shown
    asked.summary,  -- one line
    asked.risk_level,  -- by policy: auto, log, approve, block
    asked.rule,  -- of the policy that decided
    asked.policy_digest,  -- of the policy in force
    asked.agent,  -- that asked
    asked.task_type,  -- of its task
    asked.release,  -- of the agent
    asked.created_at,  -- UTC
    asked.expires_at,  -- UTC; null: never
    asked.decision,  -- approve, reject, edit
    asked.decided_by,  -- the reviewers; policy: nobody had to be asked
    asked.decided_at,  -- UTC
    asked.notes,  -- the reviewer's reason
    asked.edited_arguments,  -- JSON, where the reviewer changed them
    asked.consumed_at,  -- UTC: the action ran
    asked.delivered_at,  -- UTC: the agent learned of the decision
    asked.environment,  -- as prod or staging
    asked.task_id,  -- what the execution is for
    asked.requester,  -- on whose behalf the agent asked
    asked.reviewers,  -- JSON array: who may decide; empty: every reviewer
    asked.quorum,  -- how many reviewers have to agree
    asked.votes,  -- JSON array: what each reviewer said, and when
    asked.arguments_digest,  -- 64 hex digits over all of the arguments
    asked.lapses_at,  -- UTC: a decision that was not used by then is none any more
    outcome.status as execution_status,  -- of the execution that asked: running, waiting, ok, error, abandoned; null: none is stored
    outcome.success as execution_success,  -- what became of it, by every source; null: unknown
    outcome.success_source as execution_success_source,  -- human, code, evaluator, inferred
    ran.status as action_status  -- ok, error: how the action fared that ran by the decision; null: none was seen to run
from main.approval_rows as asked
left join main.execution_aliases as other on asked.execution_id = other.alias
left join main.execution_rows as outcome on outcome.execution_id = coalesce(other.execution_id, asked.execution_id)
left join (
    select execution_id, approval_id, arg_max(status, started_at) as status
    from main.step_rows
    where approval_id is not null and type in ('tool_call', 'handoff') and status in ('ok', 'error')
    group by execution_id, approval_id
) as ran on ran.execution_id = outcome.execution_id and ran.approval_id = asked.approval_id;
