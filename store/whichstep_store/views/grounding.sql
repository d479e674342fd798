-- Values in answers (ids, amounts, dates, addresses) that stand in no input, source or tool result of their execution.
create or replace view public.grounding as
select
    replace(cast(execution_id as varchar), '-', '') as execution_id,  -- 32 hex digits
    format('{:016x}', step_id) as step_id,  -- 16 hex digits: whose output the answer is; null where no text holds it
    checked,  -- values in the answer that can be checked
    len(ungrounded) as ungrounded_count,  -- those that stand nowhere
    ungrounded  -- they, as the answer has them
from main.grounding_rows;
