create table grants (
    id              uuid primary key,
    kind            text        not null,  -- token, session
    name            bytea,                 -- packed; a session has none
    scopes          text        not null,
    acts_as         text        not null,  -- the actor in the log of what is done with it
    made_by         text        not null,
    made_at         timestamptz not null,
    link_expires_at timestamptz,           -- of a session: until when its link can be opened
    began_at        timestamptz,           -- of a session: when it was
    expires_at      timestamptz,
    ended_at        timestamptz,
    ended_by        text,
    end_kind        text,                  -- revoked, signed-out
    first_index     bigint      not null   -- log index of its first event: lists are in this order
);
