-- How far an execution had come when it failed. The jobs fill it when they compute the executions again.
alter table execution_rows add column context_tokens_max bigint;
alter table execution_rows add column failing_call integer;
alter table execution_rows add column failing_context_tokens bigint;
