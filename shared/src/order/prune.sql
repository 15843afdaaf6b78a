-- Forgets the calls to Toss of the next $3 orders after $1, where the order is older than $2 days and nothing about it is
-- open. Orders, payments, refunds and events stay.
with page as materialized (
    select id, status from orders
    where id > $1 and created_at < now() - make_interval(days => $2)
    order by id
    limit $3
),
forgotten as (
    delete from attempts a using page
    where a.order_id = page.id and page.status not in ('IN_PROGRESS', 'WAITING_FOR_DEPOSIT', 'REVIEW')
    returning 1
)
select (select count(*) from forgotten) as "forgotten!", (select max(id) from page) as last
