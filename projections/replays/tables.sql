create table replays (
    id           uuid primary key,
    model        text        not null,
    repeat       integer     not null,
    chosen_by    text        not null,
    instructions bytea,                          -- packed, like options; null where those of then were sent
    options      bytea,
    status       text        not null,           -- open, complete, cancelled
    actor        text        not null,
    source       text        not null,
    started_at   timestamptz not null,
    updated_at   timestamptz not null,           -- when anything was last recorded of it
    version      bigint      not null,           -- where its stream stands
    first_index  bigint      not null,           -- log index of its beginning: lists are in this order
    erased_at    timestamptz,
    erased_by    text
);

create table prompts (
    replay_id  uuid    not null,
    answer_id  uuid    not null,                 -- the recorded answer
    place      bigint  not null,                 -- prompts are in this order
    skipped    text,                             -- why it cannot be asked again
    primary key (replay_id, answer_id)
);

create table runs (
    replay_id         uuid        not null,
    answer_id         uuid        not null,
    repeat            integer     not null,
    at                timestamptz not null,
    status            text        not null,      -- complete, failed
    reason            text        not null,
    likeness          double precision,          -- of those that are complete
    text              bytea,                     -- packed, like thinking and detail; null once erased
    thinking          bytea,
    detail            bytea,
    request_hash      bytea,
    model_digest      text,
    prompt_tokens     bigint,
    completion_tokens bigint,
    total_ms          double precision,
    load_ms           double precision,
    prompt_eval_ms    double precision,
    eval_ms           double precision,
    first_token_ms    double precision,
    primary key (replay_id, answer_id, repeat)
);
