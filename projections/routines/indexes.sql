create unique index on routines (first_index);
create index on routines (reverse(replace(id::text, '-', '')) collate "C");
