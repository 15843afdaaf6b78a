-- Counts one more try to log in by $1, a name or a source, unless it is locked out: then it says for how long still. The fifth
-- in a row locks it for 30 s should the password be wrong, each later one for twice as long, up to 15 minutes. After a
-- quiet day the count starts again.
with tried as (
    insert into login_tries as t (key, tries) values ($1, 1)
    on conflict (key) do update set
        tries = case when t.tried_at > now() - interval '1 day' then t.tries + 1 else 1 end,
        tried_at = now(),
        locked_until = case
            when t.tried_at > now() - interval '1 day' and t.tries + 1 >= 5
                then now() + least(interval '15 minutes', interval '30 seconds' * power(2, least(t.tries, 20) - 4))
            else '-infinity'
        end
    where t.locked_until <= now()
    returning 1
)
select exists (select from tried) as "admitted!",
       -- as it was before; none when somebody else locked it this very moment
       (select ceil(extract(epoch from l.locked_until - now()))::int
        from login_tries l where l.key = $1 and l.locked_until > now()) as seconds
