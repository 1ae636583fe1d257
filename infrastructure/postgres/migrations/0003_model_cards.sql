-- What model servers said of their models; asked again with every answer.
create table daybook.model_cards (
    name           text primary key,
    digest         text        not null,
    context_length integer,
    size           bigint,
    seen_at        timestamptz not null default clock_timestamp()
);
