-- Erasure: the erased event, the end of the keys and the tombstones are one transaction.

-- `erasure` numbers tombstones in commit order (they are made under the log's lock), so that whoever caches keys asks
-- one question: is there a higher number than the one I know?
alter table daybook.tombstones
    add column erasure   bigint generated always as identity,
    add column erased_by text not null default '';
create unique index tombstones_erasure on daybook.tombstones (erasure);

-- Which erasures had happened when an epoch began: a newer one calls for a newer epoch.
alter table daybook.epoch_keys add column erasures bigint not null default 0;

create index data_keys_epoch on daybook.data_keys (epoch);

-- So that erasing a conversation finds the saved text of its running answers. Rows from before have none; they live
-- for seconds.
alter table daybook.live_answers add column conversation_id uuid;
create index live_answers_conversation on daybook.live_answers (conversation_id);

-- Append one request (its events, one owner each) and destroy those owners' keys; the outcome is append's.
--
-- Locks: the log's first, through append, then rows of data_keys. Savers of live text hold their owner's row FOR KEY
-- SHARE, so after the delete nothing can be saved any more, and what was saved is seen and deleted.
create function daybook.erase(
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
