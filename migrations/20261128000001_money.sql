-- Nothing waits for ever, and nothing ends without proof: what it takes to end refunds and reviews, and to tell the answer of
-- our merchant's Toss from the answer of another merchant's.

alter table orders
    -- A review holds the stock that the order held when it came to it. Null outside of a review.
    add column review_holds_stock boolean,
    -- An operator asked to close the review. What Toss shows at the next lookup decides how it ends.
    add column close_requested_at timestamptz;
update orders o set review_holds_stock = (
    select v.from_status in ('IN_PROGRESS', 'WAITING_FOR_DEPOSIT', 'DONE', 'PARTIAL_CANCELED') from order_events v
    where v.order_id = o.id and v.to_status = 'REVIEW' and v.from_status <> 'REVIEW' order by v.id desc limit 1)
where o.status = 'REVIEW';
update orders set review_holds_stock = true where status = 'REVIEW' and review_holds_stock is null;
alter table orders
    add constraint orders_review_knows_its_stock check ((status = 'REVIEW') = (review_holds_stock is not null)),
    add constraint orders_only_reviews_are_closed check (status = 'REVIEW' or close_requested_at is null);

-- Why a person did what the event says: an operator's words. Toss's words stand with the payment or the refund.
alter table order_events
    add column reason text constraint order_events_reason_length check (char_length(reason) between 1 and 200);

alter table payments
    -- When Toss last answered a confirm with a server error. Such a send may still act, as one without an answer may.
    add column server_error_at timestamptz,
    -- Since when Toss has answered nothing about this payment. Null: its last lookup was answered.
    add column no_answer_since timestamptz,
    -- How far the bank is with what was given back into an account: NONE, PENDING, FAILED, PARTIAL_FAILED, COMPLETED, or a
    -- word that Toss has added since. Null: Toss says nothing about it, which is not NONE.
    add column refund_status text generated always as (answer #>> '{virtualAccount,refundStatus}') stored,
    -- An operator recorded how a bank transfer that failed was ended outside of Toss.
    add column refund_closed_at timestamptz;

alter table cancels
    -- As with the payment's column of the same name.
    add column no_answer_since timestamptz,
    -- When a lookup first showed neither our mark nor another balance, after every send was over. Once is no proof.
    add column absent_at       timestamptz,
    -- Nothing is posted for it any more. It ends as FAILED once it is shown that nothing that was sent acted.
    add column called_off_at   timestamptz;

-- Which merchants' payments of ours each Toss secret has shown. "Not found" under a secret that has never shown a payment
-- of the merchant (`mId`) that our orders are paid to is no proof: it may be the secret of another merchant.
create table merchants (
    api_key_id text        not null,
    m_id       text        not null constraint merchants_m_id_length check (char_length(m_id) between 1 and 200),
    seen_at    timestamptz not null default now(),
    primary key (api_key_id, m_id)
);

-- Bank transfers of refunds that are not over: most of the time there are a handful, and they are counted at each scrape.
create index payments_bank_refunds on payments (refund_status)
    where refund_status <> 'COMPLETED' and refund_closed_at is null
      and status in ('CANCELED', 'PARTIAL_CANCELED') and balance < amount;
