-- The intent of order $1 lives on: due again after $2 ms, or where nothing was sent ($3) as it was. $4: it does not count as
-- a try. Its class becomes $5, where there is one.
update outbox b set
    lease_until = '-infinity',
    lease_owner = 0,
    class    = coalesce($5, b.class),
    due_at   = case when $3::boolean then b.due_at else clock_timestamp() + $2::bigint * interval '1 ms' end,
    attempts = b.attempts - case when $3 or $4::boolean then 1 else 0 end,
    snoozes  = least(b.snoozes + case when $4 then 1 else 0 end, 32767)
where b.order_id = $1
