-- Live state: which process answers, and the text of running answers. Not the log; gone when an answer has ended.

create table daybook.owners (
    owner_id  uuid primary key,
    lock_key  bigint      not null,
    heartbeat timestamptz not null default clock_timestamp()
);

create table daybook.live_answers (
    answer_id     uuid        not null,
    seq           integer     not null,
    thinking_from integer     not null,   -- offsets of this piece in code points
    text_from     integer     not null,
    box           bytea       not null,   -- sealed under the conversation's data key
    saved_at      timestamptz not null default clock_timestamp(),
    primary key (answer_id, seq)
);

-- Read models: which schema is live, and how many events each build has applied.
create table daybook.read_model_builds (
    schema_name text primary key,
    name        text        not null,
    version     integer     not null,
    position    bigint      not null default 0,
    made_at     timestamptz not null default clock_timestamp()
);

create table daybook.read_models (
    name        text primary key,
    schema_name text not null references daybook.read_model_builds
);

-- Events that a read model could not apply; the pump goes on without them and says so.
create table daybook.quarantine (
    schema_name text        not null references daybook.read_model_builds on delete cascade,
    log_index   bigint      not null,
    reason      text        not null,
    at          timestamptz not null default clock_timestamp(),
    primary key (schema_name, log_index)
);

-- What model servers said of their models; asked again with every answer.
create table daybook.model_cards (
    name           text primary key,
    digest         text        not null,
    context_length integer,
    size           bigint,
    seen_at        timestamptz not null default clock_timestamp()
);
