-- Snapshots: how an aggregate stood at one version of its stream, so that loading it need not begin at version 1.
-- A cache and nothing else: whoever deletes these rows makes loading slower. Plain facts, never content; `state`
-- begins with a keyed hash of the rest, under a key that the database does not know.
--
-- An erasure deletes the owner's key: its snapshot goes with it, and none can come after it.
create table daybook.snapshots (
    stream_id uuid    primary key references daybook.data_keys (owner_id) on delete cascade,
    version   bigint  not null,
    format    integer not null,   -- of the state; another one is not read
    state     bytea   not null
);

-- Ids and hashes do not compress.
alter table daybook.snapshots alter column state set storage external;
