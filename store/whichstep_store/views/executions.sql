-- One row per execution: what was asked, how it went, what it cost, and where it failed.
create or replace view public.executions as
select
    replace(cast(execution_id as varchar), '-', '') as execution_id,  -- 32 hex digits
    task_id,  -- the task that it is an attempt at; its own id where none was given
    replace(cast(rerun_of as varchar), '-', '') as rerun_of,  -- the execution that this one repeats
    list_transform(trace_ids, lambda id: replace(cast(id as varchar), '-', '')) as trace_ids,  -- every trace that belongs to it, 32 hex digits each
    session_id,  -- the conversation
    turn,  -- from 1 within the session, by start
    user_id,  -- as the agent gave it
    task_type,  -- what kind of task it was
    agent,  -- the agent that answered
    workflow,  -- the graph or crew that ran
    service,  -- service.name of the process
    release,  -- version of the agent that ran
    replace(cast(configuration_id as varchar), '-', '') as configuration_id,  -- digest of the prompts, tools, models, parameters, policy and contract that really ran
    environment,  -- as the agent gave it: prod, staging
    purpose,  -- why it ran: production, dataset, adversarial, demo
    tags,  -- as the agent gave them
    metadata,  -- JSON object with text values
    started_at,  -- UTC
    ended_at,  -- UTC; null while it runs or waits
    status,  -- running, waiting, ok, error, abandoned
    input,  -- preview of at most 1 KiB
    output,  -- preview of at most 1 KiB
    success,  -- null is unknown
    success_source,  -- human, code, evaluator, inferred
    first_pass,  -- right without revision or repetition; null is unknown
    self_corrected,  -- repeated an action with other arguments, by itself
    escalated,  -- a person was brought in
    escalation_reason,  -- policy, agent, failure, user
    violated,  -- an action that the policy blocks was attempted; null under no policy
    latency_ms,  -- wall time in milliseconds
    active_ms,  -- wall time less the waits for people, in milliseconds
    cost_usd,  -- null when any call is unpriced
    input_tokens,  -- of all model calls; null is unknown
    output_tokens,  -- of all model calls; null is unknown
    step_count,  -- steps of every type
    retry_count,  -- steps that repeat a failed one
    format('{:016x}', failing_step_id) as failing_step_id,  -- where the failure first became visible and was not recovered
    failing_step_name,  -- its name
    format('{:016x}', cause_step_id) as cause_step_id,  -- the decision that led there
    failure_kind,  -- tool_error, wrong_tool, loop and so on
    failure_reason,  -- in words
    failure_confidence,  -- 0 to 1
    failure_signature,  -- equal for failures of the same kind at the same place
    autonomy_level,  -- 1 to 4, of the workflow's contract
    external_id,  -- the id as the agent wrote it, where it was not 32 hex digits
    critical_path_ms,  -- time of the steps that the end waited for, waits for people apart; null while a step runs
    success_disputed,  -- a person, the agent's code or an evaluator said otherwise; null: the outcome is unknown
    success_reason,  -- why, in words, and who said otherwise
    rerun_rule,  -- how rerun_of is known: stated by the sender, the same input in the session, the same task id
    context_tokens_max,  -- input tokens of the model call that had most
    failing_call,  -- model calls up to the failing step, that one included
    failing_context_tokens,  -- input tokens of the last model call up to the failing step
    expectation,  -- JSON: what was held to be right; null: nobody said
    expectation_source,  -- label (a person's), code, example (the same case as a labelled one), task_type
    tool_accuracy  -- matched / (matched + missing + needless) tools; null: not known
from main.execution_rows;
