-- A call was made whether or not its result still counts.
insert into attempts (order_id, id, payment_no, cancel_no, call, key_epoch, api_key_id, lease_owner, lease_seq, duration_ms,
                      http_status, code, trace_id, outcome, stale)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
on conflict (order_id, id) do nothing
