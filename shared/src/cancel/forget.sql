-- Forgets at most $2 of our own API's Idempotency-Keys that are older than $1 days. The refunds stay.
with old as materialized (
    select idempotency_key from api_requests
    where created_at < now() - make_interval(days => $1)
    order by created_at
    limit $2
    for update skip locked
),
forgotten as (
    delete from api_requests a using old where a.idempotency_key = any(array[old.idempotency_key]) returning 1
)
select count(*) as "forgotten!" from forgotten
