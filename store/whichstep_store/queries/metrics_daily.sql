-- The daily figures of one metric, group by group, in order of time.
-- Parameters: metric, its name; purpose.
select day, release, task_type, agent, environment, numerator, denominator, n, known, value, lower, upper
from metrics_daily
where metric = $metric and purpose = $purpose
order by day, release, task_type, agent, environment;
