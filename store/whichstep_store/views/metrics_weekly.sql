-- Figures of each ISO week, long form: of all executions of a purpose (`whole`), and of each group of them.
-- Quantiles are of the week and group: never average them.
create or replace view public.metrics_weekly as
select
    week,  -- its Monday, UTC
    metric,  -- name of the metric
    whole,  -- of all executions of the purpose together; the groups are null then
    purpose,  -- production, dataset, adversarial, demo
    release,  -- null: executions without one
    task_type,  -- null: executions without one
    agent,  -- null: executions without one
    environment,  -- null: executions without one
    numerator,  -- of a share
    denominator,  -- of a share
    n,  -- executions of the week
    known,  -- executions for which the metric is known
    value,  -- null is unknown
    lower,  -- of the 95 % interval
    upper  -- of the 95 % interval
from main.metrics_weekly;
