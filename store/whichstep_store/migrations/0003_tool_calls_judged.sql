-- With which arguments a tool was called, to be compared with those that were right, and how many calls failed. The jobs
-- fill both when they compute the executions again.
alter table step_rows add column arguments_digest uuid;
alter table execution_rows add column tool_error_count integer;
