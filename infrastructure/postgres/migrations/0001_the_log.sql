-- The log: one table of events, and the one function that appends, orders and proves.
--
-- Invariants kept here and nowhere else:
--   * log indexes are 0, 1, 2 … without gaps, in commit order, because `append` takes one lock first and until commit;
--   * a stream's versions run without gaps from 0 or 1;
--   * an event's time is the log's, and never runs backwards;
--   * events.node lets the RFC 6962 Merkle frontier of any size be read with one look-up for each 1 bit of the size.
--
-- Nothing here is ever updated. A row that each append rewrites would leave a dead version an append, which a long
-- foreign transaction (a dump) keeps from being cleaned away: every append would then walk over all of them.

create table daybook.events (
    log_index      bigint      not null,
    stream_id      uuid        not null,
    version        bigint      not null,
    event_id       uuid        not null,
    schema_version integer     not null,
    time           timestamptz not null,
    type           text        not null,
    metadata       bytea       not null,
    payload        bytea       not null,
    node           bytea       not null,   -- hash of the largest full subtree that ends with this event's leaf
    constraint events_log_index primary key (log_index),
    constraint events_stream    unique (stream_id, version),
    constraint events_event_id  unique (event_id)
);
alter table daybook.events
    alter column payload set storage external,   -- ciphertext does not compress
    alter column metadata set storage external;

-- One row a command that carried an idempotency key: what it appended, and what it answered.
create table daybook.requests (
    actor        text        not null,
    key          text        not null,
    command_hash bytea       not null,
    event_ids    uuid[]      not null,
    log_size     bigint      not null,
    result       bytea       not null,
    time         timestamptz not null,
    primary key (actor, key)
);

-- Who the book is: made by the first process that opens it with a master key.
create table daybook.book (
    one          boolean primary key default true check (one),
    book_id      uuid        not null,
    master_check bytea       not null,
    created_at   timestamptz not null default clock_timestamp()
);

-- Keys: each data key is wrapped by an epoch key, each epoch key by the master key, which is never here.
create table daybook.epoch_keys (
    epoch      integer primary key,
    wrapped    bytea       not null,
    created_at timestamptz not null default clock_timestamp()
);

create table daybook.data_keys (
    owner_id uuid primary key,
    epoch    integer not null references daybook.epoch_keys,
    wrapped  bytea   not null
);

-- An owner whose content was erased never gets a key again.
create table daybook.tombstones (
    owner_id  uuid primary key,
    erased_at timestamptz not null default clock_timestamp()
);

-- RFC 6962 leaf of one event. The record is fixed for ever; its layout is documented in docs/log.md.
create function daybook.leaf(
    log_index bigint, stream_id uuid, version bigint, event_id uuid, type text, schema_version integer,
    "time" timestamptz, metadata bytea, payload bytea
) returns bytea
language sql immutable parallel safe
return sha256(
    '\x0001'::bytea                                  -- leaf prefix, then the record's format tag
    || int8send(log_index) || uuid_send(stream_id) || int8send(version) || uuid_send(event_id)
    || int4send(octet_length(convert_to(type, 'UTF8'))) || convert_to(type, 'UTF8')
    || int4send(schema_version)
    || int8send((extract(epoch from "time") * 1000000)::bigint)
    || sha256(metadata) || sha256(payload)
);

-- The full subtrees that make up the tree of the first `size` events, largest first.
--
-- A size of 0b1101 is made of subtrees of 8, 4 and 1 leaves, which end at indexes 7, 11 and 12: each time the size with
-- its lower bits cleared, less one. The largest full subtree that ends there is the one wanted, as that many trailing
-- 1 bits are in the index.
create function daybook.frontier(size bigint) returns bytea[]
language sql stable parallel safe
begin atomic
    select coalesce(array_agg(e.node order by e.log_index), '{}')
      from generate_series(0, 62) as bit
      join daybook.events e on e.log_index = ((size >> bit) << bit) - 1
     where (size >> bit) & 1 = 1;
end;

-- Where the log stands.
create view daybook.head as
select coalesce(last.log_index + 1, 0)                             as size,
       coalesce(last.time, '-infinity')                            as time,
       daybook.frontier(coalesce(last.log_index + 1, 0))           as frontier
  from (select) as always
  left join lateral (select e.log_index, e.time from daybook.events e order by e.log_index desc limit 1) as last on true;

-- Append a batch of requests; each is taken whole or refused whole, alone.
--
-- Requests arrive as parallel arrays. `request_of` gives each event the number (1 …) of its request, ascending;
-- `keys_of` does the same for new data keys. Arrays named idempotency_… have one place a request, null without a key.
-- The outcome of a request is one of
--   appended  first_index is the log index of its first event
--   replayed  the same command was appended before under this key; `result` is what it answered then
--   conflict  a stream does not stand at the version the request expects, or is named in two runs
--   mismatch  the idempotency key was used for another command
--   erased    an owner of a new key has a tombstone
--   keyed     an owner of a new key already has one
--
-- Call it as a transaction of its own: the lock is held until commit. The planner settings are because a plan is made
-- once a session, maybe while the table is still empty, and kept.
create function daybook.append(
    request_of integer[], stream_ids uuid[], versions bigint[], event_ids uuid[], types text[],
    schema_versions integer[], metadatas bytea[], payloads bytea[],
    idempotency_actors text[], idempotency_keys text[], idempotency_hashes bytea[], idempotency_results bytea[],
    keys_of integer[], key_owners uuid[], key_epochs integer[], key_boxes bytea[]
) returns table (request integer, outcome text, first_index bigint, log_size bigint, result bytea)
language plpgsql
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
    n             bigint;
begin
    perform pg_advisory_xact_lock(28254671641276263);      -- the bytes of "dayblog"
    -- This look sees every append before, for the lock was had before its snapshot was taken.
    select e.log_index + 1, e.time into size_before, batch_time
      from daybook.events e order by e.log_index desc limit 1;
    size_before := coalesce(size_before, 0);
    size_now := size_before;
    batch_time := greatest(batch_time, clock_timestamp());
    places := array_fill(null::bigint, array[event_count]);

    -- Where does each run's stream stand? One query for all of them.
    if event_count = 1 then
        run_before := '{null}';
        select array_agg(v.version) into run_stands
          from (select v.version from daybook.events v
                 where v.stream_id = stream_ids[1] order by v.version desc limit 1) as v;
    elsif event_count > 1 then
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
    if event_count = 1 then                                -- the same as below for one event, in half the time
        node := sha256('\x0001'::bytea
                       || int8send(size_before) || uuid_send(stream_ids[1]) || int8send(versions[1])
                       || uuid_send(event_ids[1])
                       || int4send(octet_length(convert_to(types[1], 'UTF8'))) || convert_to(types[1], 'UTF8')
                       || int4send(schema_versions[1]) || time_bytes || sha256(metadatas[1]) || sha256(payloads[1]));
        n := size_before;
        if n & 1 = 1 then
            frontier := daybook.frontier(n);
            depth := cardinality(frontier);
            while n & 1 = 1 loop
                node := sha256('\x01'::bytea || frontier[depth] || node);
                depth := depth - 1;
                n := n >> 1;
            end loop;
        end if;
        insert into daybook.events
               (log_index, stream_id, version, event_id, schema_version, time, type, metadata, payload, node)
        values (size_before, stream_ids[1], versions[1], event_ids[1], schema_versions[1], batch_time, types[1],
                metadatas[1], payloads[1], node);
        perform pg_notify('daybook_log', size_now::text);
        return;
    end if;

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
