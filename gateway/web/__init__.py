"""HTTP as its user, for what is retrieved: sessions of `requests` that client libraries can work on.

session    silent, discreet, bounded in time and in memory
body       an answer's body, piece by piece, no slower than agreed
statuses   what an HTTP status means
errors     what the libraries raise, as ours
"""
