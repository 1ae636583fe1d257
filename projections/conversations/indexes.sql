create unique index on conversations (last_index);
create unique index on conversations (last_index) where not archived;
create index on conversations (last_index) where archived;
create index on conversations (project_id, last_index) where project_id is not null;
create index on conversations (routine_id, last_index) where routine_id is not null;
create index on conversations (origin_conversation_id) where origin_conversation_id is not null;
create index on conversations (reverse(replace(id::text, '-', '')) collate "C");
create index on activity (actor, last_index);
