-- Snapshots: how an aggregate stood at one version of its stream, so that loading it need not begin at version 1.
-- A cache and nothing else: whoever deletes these rows makes loading slower. Plain facts, never content; `state`
-- begins with a keyed hash of the rest, under a key that the database does not know.

create table daybook.snapshots (
    stream_id uuid primary key,
    version   bigint  not null,
    format    integer not null,   -- of the state; another one is not read
    state     bytea   not null
);

-- Ids and hashes do not compress.
alter table daybook.snapshots alter column state set storage external;

-- As before, and an erased owner's snapshot goes, too.
create or replace function daybook.erase(
    stream_ids uuid[], versions bigint[], event_ids uuid[], types text[], schema_versions integer[],
    metadatas bytea[], payloads bytea[],
    idempotency_actor text, idempotency_key text, idempotency_hash bytea, idempotency_result bytea,
    erased_by text
) returns table (outcome text, first_index bigint, log_size bigint, result bytea)
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    done record;
begin
    select * into strict done
      from daybook.append(
               array_fill(1, array[cardinality(stream_ids)]), stream_ids, versions, event_ids, types, schema_versions,
               metadatas, payloads, array[idempotency_actor], array[idempotency_key], array[idempotency_hash],
               array[idempotency_result], '{}', '{}', '{}', '{}');
    if done.outcome = 'appended' then
        delete from daybook.data_keys d where d.owner_id = any(stream_ids);
        delete from daybook.live_answers l where l.conversation_id = any(stream_ids);
        delete from daybook.snapshots s where s.stream_id = any(stream_ids);
        insert into daybook.tombstones (owner_id, erased_at, erased_by)
        select s.stream_id, (select e.time from daybook.events e where e.log_index = done.first_index), erase.erased_by
          from unnest(stream_ids) as s(stream_id);
    end if;
    outcome := done.outcome;
    first_index := done.first_index;
    log_size := done.log_size;
    result := done.result;
    return next;
end
$$;
