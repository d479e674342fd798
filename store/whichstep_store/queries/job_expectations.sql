-- What people hold to be right: for a task type, or for one execution, with what tells that another is the same case.
-- An expectation without any key was withdrawn.
select
    replace(cast(stated.execution_id as varchar), '-', '') as labelled_id,
    coalesce(stated.task_type, labelled.task_type) as task_type,
    case when labelled.task_id <> replace(cast(stated.execution_id as varchar), '-', '') then labelled.task_id end as task_id,
    replace(cast(labelled.input_digest as varchar), '-', '') as input_digest,
    stated.expectation,
    stated.created_at as stated_at
from expectation_rows as stated
left join execution_rows as labelled on stated.execution_id = labelled.execution_id
where stated.expectation <> '{}'
order by stated_at, labelled_id, task_type;
