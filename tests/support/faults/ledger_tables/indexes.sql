create index on ledger (event_id);
