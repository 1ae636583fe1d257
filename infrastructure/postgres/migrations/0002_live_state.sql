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

-- What the model server said of its models last. Not history: each answer's end carries the digest it came from.
create table daybook.model_cards (
    name           text primary key,
    digest         text        not null,
    context_length integer,
    size           bigint,
    seen_at        timestamptz not null default clock_timestamp()
);

-- Read models. A build is one schema with its tables; its position is how many events it has applied. The pointer
-- says which build is live: whoever reads or pumps locks the pointer FOR SHARE, whoever switches locks the table.
create table daybook.read_model_builds (
    schema_name text primary key,
    name        text        not null,
    version     integer     not null,
    position    bigint      not null default 0,
    made_at     timestamptz not null default clock_timestamp()
) with (fillfactor = 50);

create table daybook.read_models (
    name        text primary key,
    version     integer not null,
    schema_name text    not null references daybook.read_model_builds
) with (fillfactor = 50);

-- Events that a build could not apply; the pump goes on without them and says so. The reason holds no content.
create table daybook.quarantine (
    schema_name text        not null references daybook.read_model_builds on delete cascade,
    log_index   bigint      not null,
    reason      text        not null,
    at          timestamptz not null default clock_timestamp(),
    primary key (schema_name, log_index)
);
