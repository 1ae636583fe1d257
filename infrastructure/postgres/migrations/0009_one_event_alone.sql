-- `append` as it was, but for one event that comes alone in its batch, as the ends of answers do. An expression of
-- PL/pgSQL is set up anew in each transaction and costs more then than its evaluation, so that case has a short way of
-- its own through the same steps. Nothing else differs: arguments, outcomes, locks and stored bytes are those that
-- 0001_the_log.sql describes. It is the only writer of the log, so it runs with its owner's rights.
create or replace function daybook.append(
    request_of integer[], stream_ids uuid[], versions bigint[], event_ids uuid[], types text[],
    schema_versions integer[], metadatas bytea[], payloads bytea[],
    idempotency_actors text[], idempotency_keys text[], idempotency_hashes bytea[], idempotency_results bytea[],
    keys_of integer[], key_owners uuid[], key_epochs integer[], key_boxes bytea[]
) returns table (request integer, outcome text, first_index bigint, log_size bigint, result bytea)
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_bitmapscan = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
#variable_conflict use_column
declare
    event_count   constant integer := cardinality(request_of);
    key_count     constant integer := cardinality(keys_of);
    size_before   bigint;
    size_now      bigint;
    batch_time    timestamptz;
    time_bytes    bytea;
    -- A run is one request's consecutive events of one stream.
    run_streams   uuid[];
    run_stands    bigint[];          -- by run: where its stream stands in the table
    run_before    integer[];         -- by run: the run before it of the same stream in this batch
    run_after     bigint[];          -- by run: where its stream stands after it, taken or refused
    run           integer := 0;
    first_run     integer;
    stands        bigint;
    known         daybook.requests;
    verdict       text;
    first         integer;
    e             integer := 1;      -- the next event
    first_key     integer;
    k             integer := 1;      -- the next data key
    places        bigint[];          -- by event: its log index, null when refused
    leaves        bytea[];
    nodes         bytea[];
    frontier      bytea[];
    depth         integer;
    node          bytea;
    grown         bytea;             -- `node`, where that would be taken for the column
    n             bigint;
begin
    perform pg_advisory_xact_lock(28254671641276263);      -- the bytes of "dayblog"
    -- One event alone, without idempotency key or data key.
    if cardinality(idempotency_keys) = 1 and event_count = 1 and key_count = 0 and idempotency_keys[1] is null then
        select coalesce(l.log_index + 1, 0), greatest(l.time, clock_timestamp()), s.version
          into first_index, batch_time, stands
          from (select) as always
          left join lateral (select e.log_index, e.time from daybook.events e
                              order by e.log_index desc limit 1) as l on true
          left join lateral (select v.version from daybook.events v where v.stream_id = stream_ids[1]
                              order by v.version desc limit 1) as s on true;
        request := 1;
        if versions[1] <> stands + 1 or (stands is null and versions[1] not in (0, 1)) then
            outcome := 'conflict';
            log_size := first_index;
            first_index := null;
            return next;
            return;
        end if;
        grown := sha256('\x0001'::bytea
                        || int8send(first_index) || uuid_send(stream_ids[1]) || int8send(versions[1])
                        || uuid_send(event_ids[1])
                        || int4send(octet_length(convert_to(types[1], 'UTF8'))) || convert_to(types[1], 'UTF8')
                        || int4send(schema_versions[1])
                        || int8send((extract(epoch from batch_time) * 1000000)::bigint)
                        || sha256(metadatas[1]) || sha256(payloads[1]));
        n := first_index;
        depth := 0;
        while n & 1 = 1 loop                               -- the subtrees it closes, each by its last event
            select sha256('\x01'::bytea || e.node || grown) into grown
              from daybook.events e where e.log_index = ((first_index >> depth) << depth) - 1;
            depth := depth + 1;
            n := n >> 1;
        end loop;
        insert into daybook.events
               (log_index, stream_id, version, event_id, schema_version, time, type, metadata, payload, node)
        values (first_index, stream_ids[1], versions[1], event_ids[1], schema_versions[1], batch_time, types[1],
                metadatas[1], payloads[1], grown);
        outcome := 'appended';
        log_size := first_index + 1;
        perform pg_notify('daybook_log', log_size::text);
        return next;
        return;
    end if;

    -- This look sees every append before, for the lock was had before its snapshot was taken.
    select e.log_index + 1, e.time into size_before, batch_time
      from daybook.events e order by e.log_index desc limit 1;
    size_before := coalesce(size_before, 0);
    size_now := size_before;
    batch_time := greatest(batch_time, clock_timestamp());
    places := array_fill(null::bigint, array[event_count]);

    -- Where does each run's stream stand? One query for all of them.
    if event_count > 0 then
        for i in 1 .. event_count loop
            if i = 1 or stream_ids[i] <> stream_ids[i - 1] or request_of[i] <> request_of[i - 1] then
                run_streams := array_append(run_streams, stream_ids[i]);
            end if;
        end loop;
        select array_agg(s.version order by s.run), array_agg(s.before order by s.run) into run_stands, run_before
          from (select r.run, v.version, lag(r.run) over (partition by r.stream_id order by r.run) as before
                  from unnest(run_streams) with ordinality as r(stream_id, run)
                  left join lateral (select v.version from daybook.events v
                                      where v.stream_id = r.stream_id order by v.version desc limit 1) as v on true
               ) as s;
    end if;

    for r in 1 .. cardinality(idempotency_keys) loop
        request := r;
        result := null;
        first_index := null;
        verdict := 'appended';

        if idempotency_keys[r] is not null then
            select * into known from daybook.requests q
             where q.actor = idempotency_actors[r] and q.key = idempotency_keys[r];
            if found then
                result := known.result;
                verdict := case when known.command_hash = idempotency_hashes[r] then 'replayed' else 'mismatch' end;
            end if;
        end if;

        first := e;
        first_run := run + 1;
        while e <= event_count and request_of[e] = r loop
            if e = first or stream_ids[e] <> stream_ids[e - 1] then
                run := run + 1;
                stands := run_stands[run];
                if run_before[run] is not null then
                    stands := run_after[run_before[run]];
                    if run_before[run] >= first_run and verdict = 'appended' then
                        verdict := 'conflict';
                    end if;
                end if;
                run_after[run] := stands;
                if verdict = 'appended'
                   and (versions[e] <> stands + 1 or (stands is null and versions[e] not in (0, 1))) then
                    verdict := 'conflict';
                end if;
            elsif versions[e] <> versions[e - 1] + 1 and verdict = 'appended' then
                verdict := 'conflict';
            end if;
            e := e + 1;
        end loop;                                          -- events of r: first .. e - 1

        first_key := k;
        while k <= key_count and keys_of[k] = r loop
            if verdict = 'appended' then
                if exists (select from daybook.tombstones t where t.owner_id = key_owners[k]) then
                    verdict := 'erased';
                elsif exists (select from daybook.data_keys d where d.owner_id = key_owners[k]) then
                    verdict := 'keyed';
                end if;
            end if;
            k := k + 1;
        end loop;                                          -- keys of r: first_key .. k - 1

        if verdict = 'appended' then
            first_index := size_now;
            for i in first .. e - 1 loop
                places[i] := size_now;
                size_now := size_now + 1;
            end loop;
            for i in first_key .. k - 1 loop
                insert into daybook.data_keys (owner_id, epoch, wrapped)
                values (key_owners[i], key_epochs[i], key_boxes[i]);
            end loop;
            if e > first then
                run_after[run] := versions[e - 1];
                if first_run < run then
                    for i in first + 1 .. e - 1 loop
                        if stream_ids[i] <> stream_ids[i - 1] then
                            run_after[first_run] := versions[i - 1];
                            first_run := first_run + 1;
                        end if;
                    end loop;
                end if;
            end if;
            if idempotency_keys[r] is not null then
                insert into daybook.requests (actor, key, command_hash, event_ids, log_size, result, time)
                values (idempotency_actors[r], idempotency_keys[r], idempotency_hashes[r],
                        event_ids[first : e - 1], size_now, idempotency_results[r], batch_time);
            end if;
        end if;

        outcome := verdict;
        log_size := case when verdict = 'replayed' then known.log_size else size_now end;
        return next;
    end loop;

    if size_now = size_before then
        return;
    end if;

    time_bytes := int8send((extract(epoch from batch_time) * 1000000)::bigint);
    frontier := daybook.frontier(size_before);
    depth := cardinality(frontier);
    nodes := array_fill(null::bytea, array[event_count]);
    -- The same bytes as daybook.leaf, with the time's written once for all.
    select array_agg(
               sha256('\x0001'::bytea
                      || int8send(new.place) || uuid_send(new.stream_id) || int8send(new.version)
                      || uuid_send(new.event_id)
                      || int4send(octet_length(convert_to(new.type, 'UTF8'))) || convert_to(new.type, 'UTF8')
                      || int4send(new.schema_version) || time_bytes || sha256(new.metadata) || sha256(new.payload))
               order by new.nr)
      into leaves
      from unnest(places, stream_ids, versions, event_ids, types, schema_versions, metadatas, payloads)
           with ordinality
           as new(place, stream_id, version, event_id, type, schema_version, metadata, payload, nr);

    for i in 1 .. event_count loop
        n := places[i];
        if n is not null then
            node := leaves[i];
            while n & 1 = 1 loop                           -- a new leaf closes a full subtree for each trailing 1
                node := sha256('\x01'::bytea || frontier[depth] || node);
                depth := depth - 1;
                n := n >> 1;
            end loop;
            depth := depth + 1;
            frontier[depth] := node;
            nodes[i] := node;
        end if;
    end loop;

    insert into daybook.events
           (log_index, stream_id, version, event_id, schema_version, time, type, metadata, payload, node)
    select new.place, new.stream_id, new.version, new.event_id, new.schema_version, batch_time, new.type,
           new.metadata, new.payload, new.node
      from unnest(places, stream_ids, versions, event_ids, types, schema_versions, metadatas, payloads, nodes)
           as new(place, stream_id, version, event_id, type, schema_version, metadata, payload, node)
     where new.place is not null;

    perform pg_notify('daybook_log', size_now::text);
end
$$;
