"""Results on their way out: from a request to what each destination has, and the event that says so.

identity      ids that derive from the request
request       the request as it comes
states        how far an export has come, and what became of each file at each destination
tables        the database's tables, which are the truth
rows          what is read from them
ledger        what was asked for, and which run sees to it
taking_up     a run takes an export up
attempt       what a run writes
run           one run: fetch, send, wait or settle
destinations  where results may go
fetching      from the object store to the working area
area          the working area
sending       from there to a destination
circuits      which destinations are away
settlement    what an export that is over comes to
settling      its end: judged, and told
outbox        events that are decided and not yet published
report        what a person at the dashboard reads
"""
