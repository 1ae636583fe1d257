-- Checkpoints: signed statements "the first `size` events have this root". All are kept, none is ever changed.

create table daybook.signing_keys (
    verifier      text        primary key,   -- the public key in C2SP's form, NAME+ID+BASE64
    registered_at timestamptz not null default clock_timestamp()
);

create table daybook.checkpoints (
    checkpoint_id bigint      generated always as identity primary key,
    size          bigint      not null,
    root          bytea       not null,
    note          text        not null unique,   -- the signed note itself; size and root repeat what it states
    made_at       timestamptz not null default clock_timestamp()
);

create index checkpoints_size on daybook.checkpoints (size);
