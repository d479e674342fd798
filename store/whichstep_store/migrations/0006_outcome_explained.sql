-- Why an execution counts as a success or not, and what tells that two were asked the same. The jobs fill all when they
-- compute the executions again.
alter table execution_rows add column success_disputed boolean;
alter table execution_rows add column success_reason varchar;
alter table execution_rows add column rerun_rule varchar;
alter table execution_rows add column input_digest uuid;
alter table execution_rows add column input_length integer;
