-- What the right tools were, who said so, and how the calls compare: from the jobs, so that figures read it from narrow
-- rows. The jobs fill all when they compute the executions again.
alter table execution_rows add column expectation varchar;
alter table execution_rows add column expectation_source varchar;
alter table execution_rows add column tool_accuracy double;
alter table execution_rows add column tools_expected integer;
alter table execution_rows add column tools_called integer;
alter table execution_rows add column tools_matched integer;
alter table execution_rows add column calls_matched integer;
alter table execution_rows add column tool_order double;
alter table execution_rows add column expected_escalation boolean;

create table tool_match_rows (
    execution_id uuid not null,
    started_at timestamp_ns not null,    -- of the execution
    expected varchar not null,           -- (no tool): a needless call; (a person): escalation
    chosen varchar not null,             -- (no tool): a missing call; (a person): escalated
    step_id ubigint,                     -- the call that was made
    arguments_match boolean              -- null: the tools differ, or nobody stated arguments
);
