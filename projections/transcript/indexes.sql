create index on messages (conversation_id, log_index);
create index on messages (parent_id) where parent_id is not null;
create index on messages (actor, log_index) where kind = 'answer';
create index on messages (log_index) where status = 'streaming';
create index on messages (reverse(replace(id::text, '-', '')) collate "C");
