create table projects (
    id                   uuid primary key,
    name                 bytea,                 -- packed, like description, instructions and hold_reason; null once erased
    description          bytea,
    default_model        text,
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
