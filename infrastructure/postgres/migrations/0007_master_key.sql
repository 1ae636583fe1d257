-- The master key can be replaced: which one is in force is what `master_check` says, and nothing else.

alter table daybook.book
    add column master_since    timestamptz not null default clock_timestamp(),
    add column master_erasures bigint not null default 0,  -- later erasures can be undone with an older backup and this key
    add column former_check    bytea,                      -- recognises the master key before
    add column command_key     bytea;                      -- of the hashes of commands, wrapped; null: derived from the master key
update daybook.book set master_since = created_at;
