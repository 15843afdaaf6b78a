-- What the sends of refund $2 of order $1 left behind, and a new plan for its next epoch, if there is one.
update cancels r set
    key_epoch        = coalesce($3::smallint, r.key_epoch),
    ask_first        = case when $3 is null then r.ask_first else $4::boolean end,
    unanswered_at    = case $5::smallint when 1 then now() when 2 then null else r.unanswered_at end,
    absent_at        = case $6::smallint when 1 then now() when 2 then null else r.absent_at end,
    no_answer_since  = case $7::smallint when 1 then now() when 2 then null else r.no_answer_since end,
    sent_with        = case when $3 is null then r.sent_with else $8::text end,
    refusal          = coalesce($9::jsonb, r.refusal),
    expected_balance = coalesce($10::bigint, r.expected_balance),
    amount           = case when r.in_full then coalesce($10, r.amount) else r.amount end,
    request          = coalesce($11::bytea, r.request)
where r.order_id = $1 and r.cancel_no = $2
