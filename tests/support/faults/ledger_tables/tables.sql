create table ledger (log_index bigint primary key, stream_id uuid, version bigint, event_id uuid);
