create table tally (log_index bigint primary key);
