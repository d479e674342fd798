-- The full row of each span that is not yet in a Parquet segment: all of span_rows, then the wide columns.
-- Sealed rows live in segments of the same columns; the view `spans` reads both.
-- Text columns are previews of at most 1 KiB. *_parts lists the content hashes that make up the whole text:
-- null where the preview is already whole; one hash: the text; several: the items of a JSON array, in order.
create table span_open as
select
    span_rows.*,
    cast(null as varchar) as input,          -- messages, or the task input
    cast(null as uuid[]) as input_parts,
    cast(null as boolean) as input_is_list,  -- parts are items of a JSON array (else their one text)
    cast(null as varchar) as output,         -- answer text, or messages when it asked for tools
    cast(null as uuid[]) as output_parts,
    cast(null as boolean) as output_is_list,
    cast(null as varchar) as arguments,
    cast(null as uuid[]) as arguments_parts,
    cast(null as varchar) as result,
    cast(null as uuid[]) as result_parts,
    cast(null as varchar) as query,
    cast(null as uuid[]) as query_parts,
    cast(null as varchar) as sources,        -- JSON array of documents
    cast(null as uuid[]) as sources_parts,
    cast(null as varchar) as user_message,   -- first user message of the input, preview: fallback for a task's input
    cast(null as varchar) as attributes,     -- JSON skeleton: leaves over 256 B are {"$content": hash}
    cast(null as varchar) as events,         -- JSON array: name, time, attributes
    cast(null as varchar) as links,          -- JSON array: trace_id, span_id, attributes
    cast(null as varchar) as resource        -- JSON skeleton of resource and scope attributes, schema urls, dropped counts
from span_rows
limit 0;
