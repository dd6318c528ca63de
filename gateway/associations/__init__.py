"""The associations that senders have with a receiver, and what never became one: who came, how it ended, and why.

A receiver writes them to a journal on its own disk, and the dispatcher of its node takes that into the database. So a
receiver goes on, and forgets nothing, while the database is away or refuses its schema; it needs neither SQLAlchemy nor
the settings of a database; and what it has noted outlives its process.

record    one association, as it is told: no patient in it
contexts  the presentation contexts that were proposed, by name, and the sentence about those that were refused
refusals  a thousand refusals of one peer within a minute are one record with a count
keeper    the thread beside the receiver, and what waits for it
journal   the files between receiver and dispatcher
tables    where they are kept
store     records taken into the tables, and out again when they are old

What is shown of them: `gateway.operations.associations`.
"""
