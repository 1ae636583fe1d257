create table projects (
    id                   uuid primary key,
    name                 bytea       not null,  -- packed, like description and instructions
    description          bytea,
    default_model        text,
    instructions         bytea,
    instructions_version bigint,                -- the version of the event that set them
    archived             boolean     not null default false,
    created_at           timestamptz not null,
    updated_at           timestamptz not null,
    first_index          bigint      not null   -- log index of its creation: lists are in this order
);
