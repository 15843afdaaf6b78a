-- The waiting notices $1 say nothing that we do not know by now.
with these as materialized (
    -- Without their state: the index of those that wait would be walked for a handful of them.
    select w.id, w.state from webhook_inbox w where w.id = any($1)
)
update webhook_inbox w set state = 'known', state_since = now()
from these where w.id = any(array[these.id]) and these.state = 'waiting'
