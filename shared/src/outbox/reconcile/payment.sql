-- Writes what was decided about payment $2 of order $1: its state $3 and, where Toss's answer counts ($4), what it says. A
-- deposit that was taken back ($5) leaves nothing of the approval. $11: it is looked up again at $12; else as it was.
update payments p set
    status          = $3,
    approved_at     = case when $5::boolean then null else coalesce($6::timestamptz, p.approved_at) end,
    balance         = case when $5 then null else coalesce($7::bigint, p.balance) end,
    method          = coalesce($8::text, p.method),
    receipt_url     = case when $5 then null else coalesce($9::text, p.receipt_url) end,
    answer          = case when $4::boolean then coalesce($10::jsonb, p.refusal, p.answer) else p.answer end,
    unanswered_at   = case when $4 then null else p.unanswered_at end,
    server_error_at = case when $4 then null else p.server_error_at end,
    no_answer_since = case when $4 then null else p.no_answer_since end,
    check_at        = case when $11::boolean then $12::timestamptz else p.check_at end
where p.order_id = $1 and p.payment_no = $2
