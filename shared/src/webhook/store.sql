-- Keeps a delivery, or counts one more copy of it. Answers its number and whether it is new.
insert into webhook_inbox (delivery, transmission_id, event, said_at, order_id, payment_no, status, balance,
                           transaction_key, content, state)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
on conflict (delivery) do update set copies = least(webhook_inbox.copies, 2147483646) + 1, last_received_at = now()
returning id, copies = 1 as "is_new!"
