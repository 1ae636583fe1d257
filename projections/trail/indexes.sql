create index on events (type, log_index);
create index on events (stream_id, log_index);
create index on events (actor, log_index);
create index on events (about, log_index) where about is not null;
create index on events (at, log_index);
