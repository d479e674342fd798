-- Every tool that any stored execution called, of whatever window and purpose.
select distinct tool from step_rows where type in ('tool_call', 'handoff') and tool is not null order by tool;
