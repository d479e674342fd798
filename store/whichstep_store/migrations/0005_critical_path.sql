-- Which steps the time of an execution is made of. The jobs fill both when they compute the executions again.
alter table step_rows add column critical_path_ms double;
alter table execution_rows add column critical_path_ms double;
