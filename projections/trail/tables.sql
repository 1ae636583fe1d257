create table events (
    log_index      bigint      primary key,
    at             timestamptz not null,
    type           text collate "C" not null,
    stream_id      uuid        not null,
    version        bigint      not null,
    event_id       uuid        not null,
    actor          text        not null,
    source         text        not null,
    correlation_id uuid,
    causation_id   uuid,
    about          uuid                            -- what else it is about: what was shown or exported
);
