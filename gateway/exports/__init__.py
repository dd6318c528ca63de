"""Results on their way out: from a request to what each destination has, and the event that says so.

request          the request as it comes, and the id that derives from it
states           how far an export has come, and what became of each file at each destination
tables           the database's tables, which are the truth, and what is read from them
ledger           what was asked for
listing          exports as people see them
work             what the engine has to be told of them
lease            a run's right to go on with one, and what it writes
run              one run: prepare, fetch, send, wait or settle
area             where the run's files lie
fetching         from the object store to there
settlement       what an export that is over comes to
settling         its end: judged, and told
export_complete  the event that tells it
report           what a person at the dashboard reads
"""
