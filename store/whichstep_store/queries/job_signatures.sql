-- Every signature that is stored, with where it belongs and when it was first seen: what templates are mined from.
select failure_signature, workflow, failing_step_path, failure_kind, min(started_at) as first_seen
from execution_rows
where failure_signature is not null
group by all;
