-- One row per contract of a workflow that executions are or were held to.
create or replace view public.contracts as
select
    replace(cast(digest as varchar), '-', '') as digest,  -- over what it says
    workflow,  -- its name
    level,  -- autonomy level: 1 fixed pipeline, 2 conditional routing, 3 tools within constraints, 4 autonomous
    contract,  -- JSON object: steps, rules, budgets
    first_seen_at  -- UTC
from main.contract_rows;
