"""Retrieval: from an inference request to whole files in a working area of this node.

sources    the services behind a request's sources
peers      a client for each, while they are asked
wanted     what the queries found
query      from a plan to what is wanted
fetched    what is known of a file that was fetched whole
index      the list of those, which survives a crash
lock       one process for each area
area       one request's working area
areas      all of them on this node: listing, and removal of those that nobody works on
place      an area as what is stored is read from
record     the payload that an area becomes
intake     from the parts of an answer to files
study      a study, its series or instances: again at the size of what failed
resource   a FHIR resource
fetch      all that is wanted, source by source
report     the same, for the dashboard
"""
