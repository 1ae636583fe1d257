create index on replays (first_index);
create index on replays (reverse(replace(id::text, '-', '')) collate "C");
create index on prompts (answer_id);
