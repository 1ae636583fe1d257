create index on projects (first_index);
create index on projects (reverse(replace(id::text, '-', '')) collate "C");
