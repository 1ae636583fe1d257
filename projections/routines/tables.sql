create table routines (
    id          uuid primary key,
    newest      bigint      not null,            -- the newest of its versions
    created_at  timestamptz not null,
    updated_at  timestamptz not null,            -- when it was last saved or removed
    version     bigint      not null,            -- where its stream stands
    first_index bigint      not null,            -- log index of its creation: lists are in this order
    run_count   bigint      not null default 0,
    last_run_at timestamptz,
    removed_at  timestamptz,
    erased_at   timestamptz,
    erased_by   text
);

create table versions (
    routine_id   uuid        not null,
    version      bigint      not null,           -- that of the event
    name         bytea,                          -- packed, like description, prompt, instructions and options;
    description  bytea,                          -- all null once erased
    prompt       bytea,
    instructions bytea,
    options      bytea,
    model        text,
    think        text        not null,           -- JSON
    at           timestamptz not null,
    actor        text        not null,
    primary key (routine_id, version)
);
