-- All that the application's role may do in the schema `daybook`. Given anew by each `daybook db migrate`: what is not
-- said here, neither that role nor PUBLIC may do.

revoke all on schema daybook from public, {application};
revoke all on all tables in schema daybook from public, {application};
revoke all on all sequences in schema daybook from public, {application};
revoke all on all routines in schema daybook from public, {application};

grant usage on schema daybook to {application};
grant execute on all routines in schema daybook to {application};

-- The log, and what was decided about it: only `append` and `erase` write there.
grant select on daybook.events, daybook.head, daybook.requests, daybook.tombstones to {application};
grant select on daybook.migrations, daybook.roles to {application};

-- What is stated once and stands. Columns that have a default keep it.
grant select, insert (book_id, master_check) on daybook.book to {application};
-- But the master key may be replaced.
grant update (master_check, former_check, command_key, master_since, master_erasures) on daybook.book to {application};
grant select, insert (verifier) on daybook.signing_keys to {application};
grant select, insert (size, root, note) on daybook.checkpoints to {application};

-- The application's own: keys, live state, snapshots, and the list of read models, which live in schemas of their own.
grant select, insert, update, delete on
    daybook.data_keys, daybook.epoch_keys,
    daybook.grant_uses, daybook.live_answers, daybook.model_cards, daybook.owners, daybook.turns, daybook.stops,
    daybook.quarantine, daybook.read_model_builds, daybook.read_models, daybook.snapshots
    to {application};
