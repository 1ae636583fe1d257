create table messages (
    id                      uuid primary key,
    conversation_id         uuid        not null,
    parent_id               uuid,
    kind                    text        not null,  -- prompt, answer
    status                  text,                  -- of answers
    at                      timestamptz not null,
    ended_at                timestamptz,
    log_index               bigint      not null,  -- of the event that began it
    actor                   text        not null,
    source                  text        not null,
    erased                  boolean     not null default false,
    text                    bytea,                 -- packed, like thinking, detail, instructions and options
    thinking                bytea,
    detail                  bytea,                 -- what a person was told of a failure
    instructions            bytea,                 -- of a prompt, standing over the project's
    options                 bytea,
    model                   text,
    model_digest            text,
    context_length          integer,
    think                   text,                  -- JSON
    owner_id                uuid,
    sent_message_ids        uuid[],
    cut_count               integer,
    instructions_project_id uuid,
    instructions_version    bigint,
    request_hash            bytea,
    reason                  text,
    prompt_tokens           bigint,
    completion_tokens       bigint,
    total_ms                double precision,
    load_ms                 double precision,
    prompt_eval_ms          double precision,
    eval_ms                 double precision,
    first_token_ms          double precision,
    origin_message_id       uuid,                  -- what it is a copy of
    imported_id             uuid,                  -- its id where it was first recorded, if in another book
    routine_id              uuid,                  -- what made a prompt, and which version of it
    routine_version         bigint,
    routine_variables       bytea,                 -- packed
    rating                  text,                  -- of an answer: up, down
    rating_words            bytea                  -- packed
) with (fillfactor = 80);

-- Ciphertext does not compress.
alter table messages alter column text set storage external;
alter table messages alter column thinking set storage external;

-- Where each conversation goes on.
create table conversations (
    id         uuid primary key,
    current_id uuid
);

create table notes (
    id              uuid primary key,
    conversation_id uuid        not null,
    message_id      uuid        not null,
    text            bytea,                         -- packed
    written_at      timestamptz not null,
    changed_at      timestamptz,
    actor           text        not null,          -- who wrote it first
    log_index       bigint      not null,          -- of the event that began it: they are in this order
    imported_id     uuid                           -- its id where it was first recorded, if in another book
);
