-- One row per request for approval of an action by a person.
create or replace view public.approvals as
select
    approval_id,  -- as the sidecar gave it
    replace(cast(execution_id as varchar), '-', '') as execution_id,  -- 32 hex digits
    format('{:016x}', step_id) as step_id,  -- 16 hex digits: the step that waits
    state,  -- pending, approved, edited, rejected, expired, cancelled, consumed
    action,  -- name of the action
    arguments,  -- JSON, as asked for
    evidence,  -- JSON array of what the reviewer is shown
    summary,  -- one line
    risk_level,  -- by policy: auto, log, approve, block
    rule,  -- of the policy that decided
    policy_digest,  -- of the policy in force
    agent,  -- that asked
    task_type,  -- of its task
    release,  -- of the agent
    created_at,  -- UTC
    expires_at,  -- UTC; null: never
    decision,  -- approve, reject, edit
    decided_by,  -- the reviewers; policy: nobody had to be asked
    decided_at,  -- UTC
    notes,  -- the reviewer's reason
    edited_arguments,  -- JSON, where the reviewer changed them
    consumed_at,  -- UTC: the action ran
    delivered_at,  -- UTC: the agent learned of the decision
    environment,  -- as prod or staging
    task_id,  -- what the execution is for
    requester,  -- on whose behalf the agent asked
    reviewers,  -- JSON array: who may decide; empty: every reviewer
    quorum,  -- how many reviewers have to agree
    votes,  -- JSON array: what each reviewer said, and when
    arguments_digest,  -- 64 hex digits over all of the arguments
    lapses_at  -- UTC: a decision that was not used by then is none any more
from main.approval_rows;
