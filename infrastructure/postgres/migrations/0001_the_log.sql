-- The log: one table of events, one head row, and the one function that appends, orders and proves.
--
-- Invariants kept here and nowhere else:
--   * log indexes are 0, 1, 2 … without gaps, in commit order, because the head row is locked first and until commit;
--   * a stream's versions run without gaps from 0 or 1;
--   * an event's time is the log's, and never runs backwards;
--   * head.frontier is the RFC 6962 Merkle frontier of all leaves up to head.size.

create table daybook.head (
    one      boolean primary key default true check (one),
    size     bigint      not null default 0,
    time     timestamptz not null default '-infinity',
    frontier bytea[]     not null default '{}'
);
insert into daybook.head default values;

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
    constraint events_log_index primary key (log_index),
    constraint events_stream    unique (stream_id, version),
    constraint events_event_id  unique (event_id)
);
alter table daybook.events alter column payload set storage external;  -- ciphertext does not compress

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

-- Append a batch of requests; each is taken whole or refused whole, alone.
--
-- Requests arrive as parallel arrays. `request_of` gives each event the number (1 …) of its request, in order;
-- `keys_of` does the same for new data keys. Arrays named idempotency_… have one place a request, null without a key.
-- The outcome of a request is one of
--   appended  first_index is the log index of its first event
--   replayed  the same command was appended before under this key; `result` is what it answered then
--   conflict  a stream does not stand at the version the request expects
--   mismatch  the idempotency key was used for another command
--   erased    an owner of a new key has a tombstone
--   keyed     an owner of a new key already has one
create function daybook.append(
    request_of integer[], stream_ids uuid[], versions bigint[], event_ids uuid[], types text[],
    schema_versions integer[], metadatas bytea[], payloads bytea[],
    idempotency_actors text[], idempotency_keys text[], idempotency_hashes bytea[], idempotency_results bytea[],
    keys_of integer[], key_owners uuid[], key_epochs integer[], key_boxes bytea[]
) returns table (request integer, outcome text, first_index bigint, log_size bigint, result bytea)
language plpgsql
as $$
#variable_conflict use_column
declare
    head_size     bigint;
    head_time     timestamptz;
    head_frontier bytea[];
    size_before   bigint;
    request_count integer := cardinality(idempotency_keys);
    event_count   integer := cardinality(request_of);
    e             integer := 1;      -- the next event
    first         integer;
    i             integer;
    stands        bigint;
    known         daybook.requests;
    verdict       text;
    node          bytea;
    n             bigint;
    depth         integer;
begin
    select h.size, h.time, h.frontier into strict head_size, head_time, head_frontier
      from daybook.head h for update;
    head_time := greatest(head_time, clock_timestamp());
    size_before := head_size;

    for r in 1 .. request_count loop
        request := r;
        result := null;
        first_index := null;
        verdict := 'appended';
        first := e;
        while e <= event_count and request_of[e] = r loop
            e := e + 1;
        end loop;                                          -- events of r: first .. e - 1

        if idempotency_keys[r] is not null then
            select * into known from daybook.requests q
             where q.actor = idempotency_actors[r] and q.key = idempotency_keys[r];
            if found then
                result := known.result;
                verdict := case when known.command_hash = idempotency_hashes[r] then 'replayed' else 'mismatch' end;
            end if;
        end if;

        if verdict = 'appended' then
            for i in first .. e - 1 loop
                -- The first event of each run of one stream must follow what the stream has; the rest must count on.
                if i > first and stream_ids[i] = stream_ids[i - 1] then
                    if versions[i] <> versions[i - 1] + 1 then
                        verdict := 'conflict';
                    end if;
                else
                    select v.version into stands from daybook.events v
                     where v.stream_id = stream_ids[i] order by v.version desc limit 1;
                    if (found and versions[i] <> stands + 1) or (not found and versions[i] not in (0, 1)) then
                        verdict := 'conflict';
                    end if;
                    for b in first .. i - 1 loop           -- one request names a stream in one run only
                        if stream_ids[b] = stream_ids[i] then
                            verdict := 'conflict';
                        end if;
                    end loop;
                end if;
            end loop;
        end if;

        if verdict = 'appended' and exists (
            select from unnest(keys_of, key_owners) as new(r, owner_id) join daybook.tombstones t using (owner_id)
             where new.r = request
        ) then
            verdict := 'erased';
        elsif verdict = 'appended' and exists (
            select from unnest(keys_of, key_owners) as new(r, owner_id) join daybook.data_keys d using (owner_id)
             where new.r = request
        ) then
            verdict := 'keyed';
        end if;

        if verdict = 'appended' then
            first_index := head_size;
            insert into daybook.data_keys (owner_id, epoch, wrapped)
            select new.owner_id, new.epoch, new.box
              from unnest(keys_of, key_owners, key_epochs, key_boxes) as new(r, owner_id, epoch, box)
             where new.r = request;
            for i in first .. e - 1 loop
                insert into daybook.events
                       (log_index, stream_id, version, event_id, type, schema_version, time, metadata, payload)
                values (head_size, stream_ids[i], versions[i], event_ids[i], types[i], schema_versions[i], head_time,
                        metadatas[i], payloads[i]);
                node := daybook.leaf(head_size, stream_ids[i], versions[i], event_ids[i], types[i],
                                     schema_versions[i], head_time, metadatas[i], payloads[i]);
                -- A new leaf closes one full subtree for each trailing 1 bit of the size.
                n := head_size;
                depth := cardinality(head_frontier);
                while n & 1 = 1 loop
                    node := sha256('\x01'::bytea || head_frontier[depth] || node);
                    depth := depth - 1;
                    n := n >> 1;
                end loop;
                head_frontier := head_frontier[1:depth] || node;
                head_size := head_size + 1;
            end loop;
            if idempotency_keys[r] is not null then
                insert into daybook.requests (actor, key, command_hash, event_ids, log_size, result, time)
                values (idempotency_actors[r], idempotency_keys[r], idempotency_hashes[r],
                        event_ids[first : e - 1], head_size, idempotency_results[r], head_time);
            end if;
        end if;

        outcome := verdict;
        log_size := case when verdict = 'replayed' then known.log_size else head_size end;
        return next;
    end loop;

    if head_size > size_before then
        update daybook.head set size = head_size, time = head_time, frontier = head_frontier;
        perform pg_notify('daybook_log', head_size::text);
    end if;
end
$$;
