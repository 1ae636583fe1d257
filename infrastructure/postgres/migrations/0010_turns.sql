-- Live state of several processes on one book: the line before each model server, and wishes to stop an answer.
-- Unlogged: it is worth no flush of the WAL, and after a crash of the server every process says again what is its own.

create unlogged table daybook.turns (
    answer_id  uuid primary key,
    owner_id   uuid    not null,
    server     text    not null,   -- the model server's address, without credentials
    background boolean not null,   -- stands behind all that people wait for
    ticket     bigint  not null,   -- microseconds since 1970, when the answer joined the line
    running    boolean not null default false
);
create index turns_server on daybook.turns (server, running, background, ticket);

create unlogged table daybook.stops (
    answer_id uuid primary key,
    at        timestamptz not null default clock_timestamp()
);

-- Take the dead out of a line, and let those at its head have the places that are free. An owner is dead when the
-- session that holds its lock has ended, or its heartbeat has stopped; looking at pg_locks disturbs no lock.
create function daybook.grant_turns(server text, most integer, dead_after double precision) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    granted integer;
begin
    perform pg_advisory_xact_lock(hashtextextended('daybook turns ' || server, 0));
    delete from daybook.turns t
     where t.server = grant_turns.server
       and not exists (
               select from daybook.owners o
                 join pg_locks l on l.classid::bigint = ((o.lock_key >> 32) & 4294967295)
                                and l.objid::bigint = (o.lock_key & 4294967295)
                where o.owner_id = t.owner_id
                  and o.heartbeat > clock_timestamp() - make_interval(secs => dead_after)
                  and l.locktype = 'advisory' and l.objsubid = 1 and l.granted
                  and l.database = (select d.oid from pg_database d where d.datname = current_database()));
    update daybook.turns t set running = true
     where t.answer_id in (
               select n.answer_id from daybook.turns n
                where n.server = grant_turns.server and not n.running
                order by n.background, n.ticket, n.answer_id
                limit greatest(0, most - (select count(*) from daybook.turns r
                                           where r.server = grant_turns.server and r.running)));
    get diagnostics granted = row_count;
    if granted > 0 then
        perform pg_notify('daybook_live', 'turns');
    end if;
end
$$;

-- Where an answer stands: 0 while it has its turn, else its place in the line; null for one that is not there.
create function daybook.turn_of(answer uuid) returns integer
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select case when t.running then 0 else (
               select count(*)::integer from daybook.turns n
                where n.server = t.server and not n.running
                  and (n.background, n.ticket, n.answer_id) <= (t.background, t.ticket, t.answer_id)) end
      from daybook.turns t where t.answer_id = answer
$$;

-- Join a line. No row: as many wait in it already as may; nothing was changed but for turns that were due.
create function daybook.enter_turn(
    answer uuid, owner uuid, server text, background boolean, most integer, longest integer,
    dead_after double precision
) returns table (ticket bigint, standing integer)
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
begin
    perform daybook.grant_turns(server, most, dead_after);
    if (select count(*) from daybook.turns t
         where t.server = enter_turn.server and not t.running and t.background = enter_turn.background) >= longest then
        return;
    end if;
    ticket := floor(extract(epoch from clock_timestamp()) * 1000000)::bigint;
    insert into daybook.turns (answer_id, owner_id, server, background, ticket)
    values (answer, owner, server, background, ticket);
    perform daybook.grant_turns(server, most, dead_after);
    standing := daybook.turn_of(answer);
    return next;
end
$$;

create function daybook.leave_turn(answer uuid, server text, most integer, dead_after double precision) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    delete from daybook.turns t where t.answer_id = answer;
    perform daybook.grant_turns(server, most, dead_after);
end
$$;

-- Say what is an owner's own: what it left goes, what was lost meanwhile comes back to its old place.
create function daybook.keep_turns(
    owner uuid, server text, most integer, dead_after double precision,
    answers uuid[], backgrounds boolean[], tickets bigint[], runnings boolean[]
) returns table (answer_id uuid, standing integer)
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
    delete from daybook.turns t where t.owner_id = owner and t.server = keep_turns.server and t.answer_id <> all(answers);
    insert into daybook.turns (answer_id, owner_id, server, background, ticket, running)
    select mine.answer, owner, keep_turns.server, mine.background, mine.ticket, mine.running
      from unnest(answers, backgrounds, tickets, runnings) as mine(answer, background, ticket, running)
        on conflict (answer_id) do nothing;
    perform daybook.grant_turns(keep_turns.server, most, dead_after);
    return query select t.answer_id, daybook.turn_of(t.answer_id) from daybook.turns t
                  where t.owner_id = owner and t.server = keep_turns.server;
end
$$;
