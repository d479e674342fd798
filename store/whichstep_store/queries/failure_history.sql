-- Every way in which matching executions ever failed, by release: what tells a new failure from an old one.
-- Parameters: Filters.parameters(), with since and release not set.
select distinct release, failing_step_path, failure_kind, failure_signature
from execution_rows
where success = false and /* include matching */;
