"""Flow runs, by Prefect's REST API. Prefect itself is not imported: its client alone costs seconds of CPU at start.

access      what the environment says of how Prefect is spoken to: credentials, certificates, deadlines
api         one server: a question and its answer, and every failure as an error of ours
run         a run and its state, as far as we look at them
reading     which runs there are, and how they stand
states      a run put back, cancelled, declared crashed: proposed, and what Prefect made of it
deployment  runs of a named deployment, created once for each key
server      the server itself, and the workers of a pool
"""
