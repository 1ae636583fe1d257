-- One row an answer that a model gave here: copies (forks) cost nothing and are not in it. Nothing of this is
-- content, so it stays when a conversation is erased: what was spent was spent. An answer counts for the project that its
-- conversation was in when it was asked, wherever that is moved later.
create table answers (
    id                uuid primary key,
    conversation_id   uuid        not null,
    project_id        uuid,
    model             text        not null,
    at                timestamptz not null,
    status            text        not null,
    rating            text,                    -- up, down
    prompt_tokens     bigint,
    completion_tokens bigint,
    total_ms          double precision,
    load_ms           double precision,
    prompt_eval_ms    double precision,
    eval_ms           double precision,
    first_token_ms    double precision
) with (fillfactor = 80);

-- Which project each conversation is in now.
create table conversations (
    id         uuid primary key,
    project_id uuid
);
