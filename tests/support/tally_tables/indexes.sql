create index on tally (log_index desc);
