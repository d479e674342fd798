-- Requests for approval that are stored, whatever their execution, and those of them that people decided.
select
    count(*) as requests,
    count(*) filter (where decision is not null and decided_by <> 'policy') as decided,
    count(*) filter (where not exists (
        select 1 from execution_rows where execution_rows.execution_id = approval_rows.execution_id
    )) as without_execution
from approval_rows;
