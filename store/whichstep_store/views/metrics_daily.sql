-- Daily figures for trends, long form, one group of executions a row: add numerators and denominators over groups.
-- Quantiles are of the day and group: never average them.
create or replace view public.metrics_daily as
select
    day,  -- UTC
    metric,  -- name of the metric
    purpose,  -- production, dataset, adversarial, demo
    release,  -- null: executions without one
    task_type,  -- null: executions without one
    agent,  -- null: executions without one
    environment,  -- null: executions without one
    numerator,  -- of a share
    denominator,  -- of a share
    n,  -- executions of the day
    known,  -- executions for which the metric is known
    value,  -- null is unknown
    lower,  -- of the 95 % interval
    upper  -- of the 95 % interval
from main.metrics_daily;
