-- The text of contracts: as stored, else as an execution carried it; one row a digest.
-- Parameters: digests, 32 hex digits each.
with asked as (select unnest(cast($digests as varchar[])) as digest)
select replace(cast(contract_rows.digest as varchar), '-', '') as digest, contract_rows.contract
from contract_rows
where contract_rows.digest in (select try_cast(digest as uuid) from asked)
union all
select told.digest, any_value(told.body) as contract
from (
    select
        replace(json_extract_string(attributes, '$."whichstep.workflow.contract_digest"'), '-', '') as digest,
        body
    from log_rows
    where event_name = 'whichstep.workflow.contract' and body is not null
) as told
where told.digest in (select digest from asked)
    and try_cast(told.digest as uuid) not in (select digest from contract_rows)
group by told.digest;
