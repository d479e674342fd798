-- Which policies and contracts matching executions were held to. Parameters: Filters.parameters().
with matched as (select execution_id from execution_rows where /* include matching */)
select 'policy' as part, policy_digest as digest
from approval_rows
where policy_digest is not null and execution_id in (select execution_id from matched)
union
select 'contract' as part, replace(cast(contract_digest as varchar), '-', '') as digest
from conformance_rows
where execution_id in (select execution_id from matched)
order by all;
