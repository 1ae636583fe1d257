create index on answers (at);
