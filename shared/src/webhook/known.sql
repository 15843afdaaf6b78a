-- The waiting notices $1 say nothing that we do not know by now.
update webhook_inbox set state = 'known', decided_at = now() where id = any($1) and state = 'waiting'
