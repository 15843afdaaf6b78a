-- Begins session $1 of operator $2 in place of session $3, for $5 hours or until it idles for $6 minutes, and forgets the
-- tries $4 that led to it. Sessions and tries that ended long ago are swept by the way.
with ended as (
    delete from operator_sessions
    where token_hash = $3 or expires_at <= now() or used_at <= now() - make_interval(mins => $6)
),
forgotten as (
    delete from login_tries where key = any ($4::bytea[]) or tried_at < now() - interval '1 day'
)
insert into operator_sessions (token_hash, operator, expires_at) values ($1, $2, now() + make_interval(hours => $5))
