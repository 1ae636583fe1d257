create table conversations (
    id            uuid primary key,
    project_id    uuid,
    origin_conversation_id uuid,        -- what it was copied from: a conversation, and the message in which the
    origin_message_id      uuid,        -- copied branch ended
    routine_id      uuid,               -- which routine made its first prompt, and which version of it
    routine_version bigint,
    title         bytea,                -- packed; null where nobody gave one
    first_prompt  bytea,                -- packed text of the first prompt, which stands in for a missing title
    message_count integer     not null default 0,
    current_id    uuid,
    archived      boolean     not null default false,
    created_at    timestamptz not null,
    updated_at    timestamptz not null,
    last_index    bigint      not null, -- log index of its latest event: lists are in this order
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
