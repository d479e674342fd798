-- The texts and raw attributes of each span that is not yet in a Parquet segment. Empty in the file: the store holds
-- these rows in memory, whole, and shows them under this name to the queries that need them; the journal keeps them
-- until they are sealed. Segments hold all columns of span_rows, then those from `input` on.
-- Text columns are previews of at most 1 KiB. *_parts lists the content hashes that make up the whole text:
-- null where the preview is already whole; one hash: the text; several: the items of a JSON array, in order.
create table span_open (
    trace_id uuid not null,
    span_id ubigint not null,
    started_at timestamp_ns not null,
    digest uuid not null,           -- of the row in span_rows that it belongs to
    input varchar,                  -- messages, or the task input
    input_parts uuid[],
    input_is_list boolean,          -- parts are items of a JSON array (else their one text)
    output varchar,                 -- answer text, or messages when it asked for tools
    output_parts uuid[],
    output_is_list boolean,
    arguments varchar,
    arguments_parts uuid[],
    result varchar,
    result_parts uuid[],
    query varchar,
    query_parts uuid[],
    sources varchar,                -- JSON array of documents
    sources_parts uuid[],
    user_message varchar,           -- first user message of the input, preview: fallback for a task's input
    attributes varchar,             -- JSON skeleton: leaves over 256 B are {"$content": hash} or {"$column": name}
    events varchar,                 -- JSON array: name, time, attributes
    links varchar,                  -- JSON array: trace_id, span_id, attributes
    resource varchar                -- JSON skeleton of resource and scope attributes, schema urls, dropped counts
);
