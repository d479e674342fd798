-- One page of the executions that match, in the order asked for; unknown values come last in either direction.
-- Parameters: Filters.parameters(); order: started_at, latency_ms, cost_usd, total_tokens, step_count, error_count;
-- descending: boolean; after_key, after_id: page_key and execution_id of the last row seen, null for the first page;
-- limit. The page is cut on narrow columns first; texts are read for its rows only.
with keyed as (
    select
        rowid as row,
        execution_id,
        case cast($order as varchar)
            when 'started_at' then epoch_ns(started_at)
            when 'latency_ms' then cast(latency_ms * 1e3 as bigint)
            when 'cost_usd' then cast(cost_usd * 1e9 as bigint)
            when 'total_tokens' then input_tokens + output_tokens
            when 'step_count' then step_count
            when 'error_count' then error_count
        end as value
    from execution_rows
    where /* include matching */
),
page as (
    select
        row,
        execution_id as page_id,
        coalesce(case when cast($descending as boolean) then -value else value end, 9223372036854775807) as page_key
    from keyed
    where $after_key is null
        or page_key > cast($after_key as bigint)
        or (page_key = cast($after_key as bigint) and execution_id > cast($after_id as uuid))
    order by page_key, page_id
    limit cast($limit as bigint)
)
select
    page_key,
    /* include execution_columns */
from execution_rows
inner join page on execution_rows.rowid = page.row
order by page_key, page_id;
