-- Every way in which matching executions ever failed, by release: what tells a new failure from an old one.
-- Parameters: Filters.parameters(), with since and release not set.
select distinct release, failing_step_path, failure_kind, coalesce(cluster, failure_signature) as failure_signature
from execution_rows
left join failure_templates using (failure_signature)
where success = false and /* include matching */;
