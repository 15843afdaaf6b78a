-- The operator of session $1, unless it has ended or idled for $2 minutes. Its last use is written once a minute, because a
-- page must not cost a write.
with used as (
    update operator_sessions set used_at = now()
    where token_hash = $1 and expires_at > now()
      and used_at > now() - make_interval(mins => $2) and used_at < now() - interval '1 minute'
)
select operator from operator_sessions
where token_hash = $1 and expires_at > now() and used_at > now() - make_interval(mins => $2)
