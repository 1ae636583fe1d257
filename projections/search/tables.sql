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
    first_prompt_id uuid
);

-- A text's lexemes and its marks. A tsvector holds at most 1 MB: a text with more distinct words loses its end.
create function to_words(content text, marks text[]) returns tsvector
language plpgsql immutable parallel safe
as $$
declare
    kept integer := length(content);
begin
    loop
        begin
            return to_tsvector('pg_catalog.simple', left(content, kept)) || array_to_tsvector(marks);
        exception when program_limit_exceeded then
            kept := kept / 2;
        end;
    end loop;
end
$$;
