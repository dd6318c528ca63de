"""The one engine of everything that waits: recorded, given a run, leased, tried, waiting, released, cancelled, done.

What differs between kinds of work is a table of transitions and a small description; the rest is here, once.

transitions  the states of a kind, and what leads from one to another
rows         the rows of every kind: the one place that writes them
ledger       the work of one kind, as the dispatcher sees it
lease        the right to go on, with a fencing token
waiting      what work waits for, as data
kind         what the engine has to be told of a kind
commands     what operators ask for, as rows
outage       what is away, told once
back_off     how long to leave alone what has failed
wake_up      so that nobody need look all the time
"""

MOST_AT_ONCE = 10_000
"""Pieces of work that are asked the same at once. Whoever looks for them looks for one more: whether there are."""
