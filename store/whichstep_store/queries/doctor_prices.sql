-- Models with calls since a time whose cost is unknown though their tokens are known.
-- Parameters: since, nanoseconds since the epoch.
select model, count(*) as calls
from step_rows
where started_at >= make_timestamp_ns($since)
    and type = 'llm_call' and cost_usd is null and (input_tokens is not null or output_tokens is not null)
group by model
order by calls desc, model;
