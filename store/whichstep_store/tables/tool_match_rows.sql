-- Of executions whose right tools are known: each tool that was right beside the one that was chosen in its place.
-- Written by the jobs; replaced whole, execution by execution.
create table tool_match_rows (
    execution_id uuid not null,
    started_at timestamp_ns not null,    -- of the execution
    expected varchar not null,           -- (no tool): a needless call; (a person): escalation
    chosen varchar not null,             -- (no tool): a missing call; (a person): escalated
    step_id ubigint,                     -- the call that was made
    arguments_match boolean              -- null: the tools differ, or nobody stated arguments
);
