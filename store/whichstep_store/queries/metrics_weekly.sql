-- The weekly figures that trends are read from: of all executions of a purpose (`whole`), or of groups that match.
-- Parameters: since, until: dates, of the Mondays; whole; purpose, release, task_type, agent, environment: lists, null
-- where not set, '' in one stands for "has none".
select week, purpose, release, task_type, agent, environment, metric, numerator, denominator, n, known, value, lower, upper
from metrics_weekly
where week >= cast($since as date) and week < cast($until as date) and whole = cast($whole as boolean)
    and ($purpose is null or list_contains(cast($purpose as varchar[]), purpose))
    and ($release is null or list_contains(cast($release as varchar[]), coalesce(release, '')))
    and ($task_type is null or list_contains(cast($task_type as varchar[]), coalesce(task_type, '')))
    and ($agent is null or list_contains(cast($agent as varchar[]), coalesce(agent, '')))
    and ($environment is null or list_contains(cast($environment as varchar[]), coalesce(environment, '')))
order by week, metric, purpose, release, task_type, agent, environment;
