-- One row per step of an execution; its key is (execution_id, step_id).
create or replace view public.steps as
select
    format('{:016x}', step_id) as step_id,  -- 16 hex digits: the id of the step's own span
    replace(cast(execution_id as varchar), '-', '') as execution_id,  -- 32 hex digits
    format('{:016x}', parent_step_id) as parent_step_id,  -- the step that it is part of
    type,  -- llm_call, tool_call, retrieval, embedding, rerank, agent, workflow, guardrail, approval, handoff, evaluation, other
    name,  -- tool, model, agent, node or span name
    path,  -- names from the root, stable across runs
    agent,  -- the agent that it is a step of
    position,  -- from 1, in order of start
    attempt,  -- from 1; over 1 repeats a failed action
    format('{:016x}', requested_by) as requested_by,  -- the llm_call that asked for it
    started_at,  -- UTC
    ended_at,  -- UTC; null while it runs
    latency_ms,  -- milliseconds; null when untimed or not ended
    status,  -- running, ok, error, pending_approval, blocked, rejected, expired, cancelled
    error_type,  -- class or code of the error
    error_message,  -- at most 1 KiB
    recovered,  -- the error was followed by success of the same action
    model,  -- that served the call
    provider,  -- of the model
    input_tokens,  -- cache reads and writes included; null is unknown
    output_tokens,  -- reasoning included; null is unknown
    cache_read_tokens,  -- null is unknown
    cache_write_tokens,  -- null is unknown
    reasoning_tokens,  -- null is unknown
    cost_usd,  -- null when price or tokens are unknown
    tool,  -- name of the tool
    arguments,  -- JSON, preview of at most 1 KiB
    result,  -- preview of at most 1 KiB
    query,  -- of a retrieval, preview of at most 1 KiB
    sources,  -- JSON array of documents, preview of at most 1 KiB
    input,  -- preview of at most 1 KiB
    output,  -- preview of at most 1 KiB
    output_summary,  -- one line
    approval_id,  -- the approval that it waited for
    dialect,  -- convention of the spans that it was read from
    flags,  -- guessed, truncated, redacted and so on
    critical_path_ms  -- its own part of the critical path of the execution; 0: beside it; null when untimed or not ended
from main.step_rows;
