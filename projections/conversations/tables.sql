create table conversations (
    id            uuid primary key,
    project_id    uuid,                 -- the one it is in now
    origin_conversation_id uuid,        -- what it was copied from: a conversation, and the message in which the
    origin_message_id      uuid,        -- copied branch ended
    imported_id            uuid,        -- its id where it was first recorded, if elsewhere, and what recorded
    imported_from          text,        -- it there
    title         bytea,                -- packed; null where there is none
    title_by      text,                 -- who made the title: person, model
    routine_id      uuid,               -- which routine made its first prompt, and which version of it
    routine_version bigint,
    first_prompt  bytea,                -- packed text of the first prompt, which stands in for a missing title
    message_count integer     not null default 0,
    current_id    uuid,
    answered      boolean     not null default false, -- whether an answer came to its end
    archived      boolean     not null default false,
    pinned        boolean     not null default false,
    pinned_index  bigint,               -- log index of when it was first pinned, if ever
    created_at    timestamptz not null, -- of the original, if imported
    updated_at    timestamptz not null, -- of the latest activity, here or in the file it was imported from
    first_index   bigint      not null, -- log index of its beginning
    active_index  bigint      not null, -- of its latest event that is no filing: tells equal times apart
    last_index    bigint      not null, -- of its latest event of any kind
    last_actor    text        not null,
    version       bigint      not null, -- where its stream stands: the version of that event
    hold_reason   bytea,                -- packed; null where it is not held
    erased_at     timestamptz,
    erased_by     text
);

-- When each actor last asked or went on in a conversation: what `@last` means to them.
create table activity (
    actor           text   not null,
    conversation_id uuid   not null,
    last_index      bigint not null,
    primary key (actor, conversation_id)
);

-- Which models have answered in a conversation.
create table models (
    model           text not null,
    conversation_id uuid not null,
    primary key (model, conversation_id)
);

-- A tag is looked for by the keyed hash of its name (adr/0018).
create table tags (
    conversation_id uuid  not null,
    tag_id          uuid  not null,
    name_hash       bytea not null,
    name            bytea not null,  -- packed
    primary key (conversation_id, tag_id)
);
