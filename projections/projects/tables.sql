create table projects (
    id                   uuid primary key,
    name                 bytea,                 -- packed, like description, instructions and hold_reason; null once erased
    description          bytea,
    default_model        text,
    default_options      bytea,                 -- packed; null where none were ever set
    instructions         bytea,
    instructions_version bigint,                -- the version of the event that set them
    archived             boolean     not null default false,
    created_at           timestamptz not null,
    updated_at           timestamptz not null,
    version              bigint      not null,  -- where its stream stands
    first_index          bigint      not null,  -- log index of its creation: lists are in this order
    imported_id          uuid,                  -- its id where it was first recorded, if elsewhere
    hold_reason          bytea,
    erased_at            timestamptz,
    erased_by            text
);

-- What the instructions were set to, each time: the version of that event, when, and by whom.
create table instructions (
    project_id uuid        not null,
    version    bigint      not null,
    text       bytea       not null,  -- packed
    at         timestamptz not null,
    actor      text        not null,
    primary key (project_id, version)
);
