"""The history of the schema, one file a revision in `versions/`: docs/database.md says how one is added.

Each stands by itself, and names the tables as they were at its time: it imports nothing of the gateway's.
"""

HEAD = "0013"
"""The revision that this program works with: the last file in `versions/`. Revisions are counted."""
