-- Lexemes of every message that has text. There is no index on log_index: segments stand in for it (see queries.py).
create table messages (
    message_id      uuid primary key,
    conversation_id uuid        not null,
    kind            text        not null,
    log_index       bigint      not null,  -- of the event that brought the text
    at              timestamptz not null,
    words           tsvector    not null
);
alter table messages alter column words set statistics 0;  -- else words of erased texts would live on in pg_statistic

-- What hits are shown from, packed. Apart, so that ranking does not read past it.
create table texts (
    message_id uuid primary key,
    packed     bytea not null
);
alter table texts alter column packed set storage external;

create table conversations (
    id              uuid primary key,
    project_id      uuid,
    title           bytea,  -- packed
    first_prompt_id uuid,
    marks           text[] not null default '{}'  -- of its project and its tags; all its messages carry them
);

create table tags (
    conversation_id uuid not null,
    tag_id          uuid not null,
    mark            text not null,
    primary key (conversation_id, tag_id)
);

-- Models of answers that may still come to an end.
create table models (
    message_id uuid primary key,
    mark       text not null
);

-- In which segments a conversation, or a model, has texts, so that a narrowed search looks nowhere else.
create table places (
    conversation_id uuid   not null,
    segment         bigint not null,
    primary key (conversation_id, segment)
);

create table model_places (
    mark    text   not null,
    segment bigint not null,
    primary key (mark, segment)
);

-- Between which times the texts of a segment were said, so that a search by date knows where to look.
create table segments (
    segment  bigint primary key,
    first_at timestamptz not null,
    last_at  timestamptz not null
);

-- A text's lexemes and its marks. A tsvector holds at most 1 MB: a text with more distinct words loses its end.
create function to_words(content text, marks text[]) returns tsvector
language plpgsql immutable parallel safe
as $$
declare
    kept  integer := length(content);
    words tsvector;
begin
    loop
        begin
            words := to_tsvector('pg_catalog.simple', left(content, kept)) || array_to_tsvector(marks);
            -- Room for the tags that may come later.
            perform words || array_to_tsvector(array(select 'room' || repeat('r', 36) || n from generate_series(1, 40) n));
            return words;
        exception when program_limit_exceeded then
            kept := kept / 2;
        end;
    end loop;
end
$$;
