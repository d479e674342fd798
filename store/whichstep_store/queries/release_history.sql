-- When each release was first seen among the executions that match.
-- Parameters: Filters.parameters(), with since and release not set.
select release, min(started_at) as first_seen
from execution_rows
where /* include matching */
group by release
order by first_seen, release;
