-- One row per kind of failure at one place: what failed executions of one workflow, step and kind say alike.
create or replace view public.failure_signatures as
with failed as (
    select
        coalesce(templates.cluster, executions.failure_signature) as signature,
        coalesce(templates.template, executions.failure_signature) as template,
        strftime(cast(executions.started_at as timestamp), '%G-W%V') as week,
        executions.execution_id,
        executions.workflow,
        executions.failure_kind,
        executions.failing_step_path,
        executions.failure_reason,
        executions.release,
        executions.started_at
    from main.execution_rows as executions
    left join main.failure_templates as templates on executions.failure_signature = templates.failure_signature
    where executions.failure_signature is not null
),
weekly as (
    select signature, list(week || ': ' || executions order by week) as weeks
    from (select signature, week, count(*) as executions from failed group by all) as counted
    group by signature
)
select
    failed.signature as failure_signature,  -- its key: the one of its wordings that was seen first
    any_value(failed.template) as template,  -- the words that all share, <*> for the others
    any_value(failed.workflow) as workflow,  -- that failed so
    any_value(failed.failure_kind) as failure_kind,  -- tool_error, wrong_tool, loop and so on
    any_value(failed.failing_step_path) as failing_step_path,  -- where it becomes visible
    arg_max(failed.failure_reason, failed.started_at) as failure_reason,  -- of the latest, in words
    count(*) as executions,  -- that failed so
    count(*) / sum(count(*)) over () as share,  -- of all executions with a signature
    count(distinct failed.release) as releases,  -- that failed so
    arg_min(failed.release, failed.started_at) as first_release,  -- in which it was seen first: new since then
    min(failed.started_at) as first_started_at,  -- UTC
    max(failed.started_at) as last_started_at,  -- UTC
    any_value(weekly.weeks) as weeks,  -- how many each ISO week, weeks without one left out: the trend
    replace(cast(arg_max(failed.execution_id, failed.started_at) as varchar), '-', '') as latest_execution_id,  -- 32 hex digits: an example
    list_transform(
        arg_max(failed.execution_id, failed.started_at, 5), lambda id: replace(cast(id as varchar), '-', '')
    ) as example_execution_ids  -- the latest five
from failed
inner join weekly on failed.signature = weekly.signature
group by failed.signature;
