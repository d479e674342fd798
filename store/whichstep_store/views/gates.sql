-- One row per verdict on a release.
create or replace view public.gates as
select
    gate_id,  -- as the gate gave it
    stage,  -- ci, canary
    candidate,  -- release that was judged
    baseline,  -- release that it was compared with
    verdict,  -- ship, block, inconclusive
    overridden_by,  -- who overruled it; null: nobody
    override_reason,  -- why
    report,  -- JSON: checklist and criteria
    created_at  -- UTC
from main.gate_rows;
