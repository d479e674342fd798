-- Daily figures for trends, long form. Quantiles are of the day: never average them over days.
create or replace view public.metrics_daily as
select
    day,  -- UTC
    metric,  -- name of the metric
    purpose,  -- production, dataset, adversarial, demo
    release,  -- null: all releases
    task_type,  -- null: all task types
    agent,  -- null: all agents
    environment,  -- null: all environments
    numerator,  -- of a share
    denominator,  -- of a share
    n,  -- executions of the day
    known,  -- executions for which the metric is known
    value,  -- null is unknown
    lower,  -- of the 95 % interval
    upper  -- of the 95 % interval
from main.metrics_daily;
