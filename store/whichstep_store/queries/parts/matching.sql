-- The rows of execution_rows that match whichstep_store.filters.Filters; parameters: Filters.parameters().
-- A list is null where the filter is not set; '' in it stands for "has none".
started_at >= make_timestamp_ns($since)
and started_at < make_timestamp_ns($until)
and ($release is null or list_contains(cast($release as varchar[]), coalesce(release, '')))
and ($task_type is null or list_contains(cast($task_type as varchar[]), coalesce(task_type, '')))
and ($agent is null or list_contains(cast($agent as varchar[]), coalesce(agent, '')))
and ($service is null or list_contains(cast($service as varchar[]), service))
and ($environment is null or list_contains(cast($environment as varchar[]), coalesce(environment, '')))
and ($purpose is null or list_contains(cast($purpose as varchar[]), purpose))
and ($status is null or list_contains(cast($status as varchar[]), status))
and ($success is null or list_contains(cast($success as varchar[]), coalesce(cast(success as varchar), 'unknown')))
and ($failure_kind is null or list_contains(cast($failure_kind as varchar[]), coalesce(failure_kind, '')))
and ($failing_step is null
     or list_contains(cast($failing_step as varchar[]), coalesce(failing_step_path, ''))
     or list_contains(cast($failing_step as varchar[]), coalesce(failing_step_name, '')))
and ($failing_path is null or list_contains(cast($failing_path as varchar[]), coalesce(failing_step_path, '')))
and ($signature is null
     or list_contains(cast($signature as varchar[]), coalesce(failure_signature, ''))
     or failure_signature in (
         select member.failure_signature from failure_templates as member
         where list_contains(cast($signature as varchar[]), member.cluster)
     ))
and ($configuration is null
     or list_contains(
         cast($configuration as varchar[]), coalesce(replace(cast(configuration_id as varchar), '-', ''), '')
     ))
and ($tool is null
     or execution_id in (select execution_id from step_rows where list_contains(cast($tool as varchar[]), tool)))
and (($expected_tool is null and $chosen_tool is null)
     or execution_id in (
         select execution_id from tool_match_rows
         where ($expected_tool is null or list_contains(cast($expected_tool as varchar[]), expected))
             and ($chosen_tool is null or list_contains(cast($chosen_tool as varchar[]), chosen))
     ))
and ($session_id is null or list_contains(cast($session_id as varchar[]), coalesce(session_id, '')))
and ($user_id is null or list_contains(cast($user_id as varchar[]), coalesce(user_id, '')))
and ($query is null
     or contains(lower(input), lower(cast($query as varchar)))
     or contains(lower(output), lower(cast($query as varchar))))
