-- When tokens and sessions were last used, to some minutes. Not history: the log says who did what.

create table daybook.grant_uses (
    grant_id uuid primary key,
    used_at  timestamptz not null
) with (fillfactor = 50);
