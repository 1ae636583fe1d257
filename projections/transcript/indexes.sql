create index on messages (conversation_id, log_index);
create index on messages (parent_id) where parent_id is not null;
create index on messages (conversation_id) where parent_id is null;
create index on messages (actor, log_index) where kind = 'answer';
create index on messages (log_index) where status = 'streaming';
create index on messages (reverse(replace(id::text, '-', '')) collate "C");
create index on notes (message_id, id);
create index on notes (conversation_id);
