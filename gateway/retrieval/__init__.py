"""Retrieval: from an inference request to whole files in a working area of this node.

plan          which source is asked for what
open_sources  those sources, opened when they are asked
query         from a plan to what is to be fetched
fetch_list    that list
fetch         all of it, source by source
arrivals      what comes of a source: kept, or left out
area          one request's working area
areas         all of them on this node, and each as the files that a payload is stored from
fetched       what is known of a file that was fetched whole
index         the list of those, which survives a crash
record        the payload that an area becomes
"""
