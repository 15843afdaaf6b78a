-- Has notices looked at again: those that $1 names, or of the next $4 after $3 those that came since $2. One that named no
-- payment of ours then may name one now: the books may have been restored from a copy. What had a wrong secret is looked at
-- again only when it is named itself.
with page as materialized (
    select w.id, w.received_at, w.state from webhook_inbox w where w.id > $3 order by w.id limit $4
),
wanted as materialized (
    select w.id, w.order_id, w.payment_no, w.content from webhook_inbox w
    where w.id = any($1::bigint[] || array(
        select page.id from page
        where page.received_at >= $2::timestamptz and page.state in ('checked', 'known', 'unknown')))
),
found as materialized (
    select w.id, coalesce(w.order_id, p.order_id) as order_id, coalesce(w.payment_no, p.payment_no) as payment_no
    from wanted w
    left join orders o on w.order_id is null and o.order_no = any(array[(w.content ->> 'orderId')::uuid])
    left join lateral (
        select q.order_id, q.payment_no from payments q
        where q.order_id = o.id
          and coalesce(w.content ->> 'paymentKey' = case
                  when char_length(q.payment_key) < 12 then '…'
                  else left(q.payment_key, 6) || '…' || right(q.payment_key, 4) end, true)
        order by q.payment_no desc limit 1
    ) p on true
),
replayed as (
    update webhook_inbox w set order_id = f.order_id, payment_no = f.payment_no, state = 'waiting', state_since = now()
    from found f
    where w.id = any(array[f.id]) and f.order_id is not null
    returning w.id
)
select (select count(*) from replayed) as "replayed!", (select max(id) from page) as last
