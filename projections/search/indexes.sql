-- A short pending list: inserts are gathered, and a search never has much of it to go through.
create index on messages using gin (words) with (fastupdate = on, gin_pending_list_limit = 512);
create index on conversations using gin (marks);
