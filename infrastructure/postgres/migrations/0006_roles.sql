-- The owner and the application: who made the book owns its log, and the application only calls on it. What the
-- application's role may do stands in application_rights.sql and is given by `daybook db migrate`.
--
-- Invariant: no code of the application's ever runs with the owner's rights. So these functions find every name in
-- pg_catalog or name its schema, and what they touch belongs to the owner: on a table of its own the application
-- could put a trigger, or an index over a function, that they would run for it.

alter function daybook.append(
    integer[], uuid[], bigint[], uuid[], text[], integer[], bytea[], bytea[], text[], text[], bytea[], bytea[],
    integer[], uuid[], integer[], bytea[]
) security definer;

alter function daybook.erase(
    uuid[], bigint[], uuid[], text[], integer[], bytea[], bytea[], text, text, bytea, bytea, text
) security definer;

-- Roles belong to the whole cluster and a book to one database of it, so each book names a role of its own. It need not
-- exist yet, nor be allowed to.
create table daybook.roles (
    one         boolean primary key default true check (one),
    application name    not null
);
insert into daybook.roles (application)
values ('daybook_app_' || substr(replace(gen_random_uuid()::text, '-', ''), 21));

-- A schema for one build of a read model. The application makes tables in it, and owns those; it can make no schema of
-- another name, such as the one that another user's search path begins with.
create function daybook.create_build(schema_name text) returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    application name;
begin
    if schema_name !~ '^daybook_[a-z0-9_]+_v[0-9]+(_b[0-9]+)?$' then
        raise insufficient_privilege using message = format('%s is no name for a build of a read model', schema_name);
    end if;
    execute format('create schema %I', schema_name);
    select r.rolname into application
      from daybook.roles d join pg_catalog.pg_roles r on r.rolname = d.application;
    if found then
        execute format('grant usage, create on schema %I to %I', schema_name, application);
    end if;
end
$$;

create function daybook.drop_build(schema_name text) returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    if schema_name !~ '^daybook_[a-z0-9_]+_v[0-9]+(_b[0-9]+)?$' then
        raise insufficient_privilege using message = format('%s is no name for a build of a read model', schema_name);
    end if;
    execute format('drop schema if exists %I cascade', schema_name);
end
$$;

-- Write a table of keys anew, without the rows that an erasure has deleted. VACUUM FULL would do the same, but only the
-- table's owner may, and no function can.
create function daybook.rewrite(table_name text) returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    case table_name
        when 'data_keys' then cluster daybook.data_keys using data_keys_pkey;
        when 'epoch_keys' then cluster daybook.epoch_keys using epoch_keys_pkey;
        when 'live_answers' then cluster daybook.live_answers using live_answers_pkey;
        else raise insufficient_privilege using message = format('%s is no table of keys', table_name);
    end case;
end
$$;
