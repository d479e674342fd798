-- Each tool that the executions that match called: calls, errors, retries, how long, what it cost.
-- Parameters: Filters.parameters(). cost_usd: of the calls themselves, where a sender reports it; asked_cost_usd: of
-- the model calls that asked for them, an equal part each where one asked for several; null where none has a price.
with matching as (
    select execution_id from execution_rows where /* include matching */
),
steps as (
    select execution_id, step_id, requested_by, type, tool, status, attempt, recovered, latency_ms, cost_usd
    from step_rows
    where execution_id in (select execution_id from matching)
),
calls as (
    select * from steps where type in ('tool_call', 'handoff') and tool is not null
),
asked as (
    select execution_id, requested_by, count(*) as calls from calls where requested_by is not null group by all
),
askers as (
    select asked.execution_id, asked.requested_by, steps.cost_usd / asked.calls as cost_usd
    from asked
    inner join steps on asked.execution_id = steps.execution_id and asked.requested_by = steps.step_id
)
select
    calls.tool,
    count(*) as calls,
    count(distinct calls.execution_id) as executions,
    count(*) filter (where calls.status in ('ok', 'error')) as ended,
    count(*) filter (where calls.status = 'error') as errors,
    count(*) filter (where calls.recovered) as recovered,
    count(*) filter (where calls.attempt > 1) as retries,
    quantile_disc(calls.latency_ms, 0.5) as latency_p50_ms,
    quantile_disc(calls.latency_ms, 0.95) as latency_p95_ms,
    count(calls.latency_ms) as timed,
    sum(calls.cost_usd) as cost_usd,
    sum(askers.cost_usd) as asked_cost_usd
from calls
left join askers on calls.execution_id = askers.execution_id and calls.requested_by = askers.requested_by
group by calls.tool
order by calls desc, calls.tool;
