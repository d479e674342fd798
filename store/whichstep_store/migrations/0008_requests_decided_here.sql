-- Requests for approval carry who may decide, the votes, the digests that they are bound to, and a version.
alter table approval_rows add column environment varchar;
alter table approval_rows add column task_id varchar;
alter table approval_rows add column requester varchar;
alter table approval_rows add column created_by varchar;
alter table approval_rows add column reviewers varchar;
alter table approval_rows add column quorum bigint;
alter table approval_rows add column requester_may_review boolean;
alter table approval_rows add column arguments_digest varchar;
alter table approval_rows add column edited_digest varchar;
alter table approval_rows add column arguments_schema varchar;
alter table approval_rows add column votes varchar;
alter table approval_rows add column version bigint;
alter table approval_rows add column lapses_at timestamp_ns;
alter table approval_rows add column stated varchar;
alter table approval_rows add column consumer varchar;
