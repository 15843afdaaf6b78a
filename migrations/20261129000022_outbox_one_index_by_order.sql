-- What outbox_queue has replaced. It held the order too, and so could be walked from end to end for the intent of one order:
-- to a planner that believes the outbox to be empty, as it is in quiet hours, that is as good as the primary key.
drop index outbox_claim;
