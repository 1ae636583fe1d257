create index on events (type, log_index);
create index on events (stream_id, log_index);
create index on events (actor, log_index);
