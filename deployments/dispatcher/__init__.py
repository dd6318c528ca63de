"""Asks Prefect for one run for each payload in `ready/` and each inference request, and sees to it that each has one
until it is announced.

serve         the process
dispatch      from manifest to run, again and again
decision      which runs leave their payload without one
runs          what is asked of Prefect
payload_runs  the run of a payload
requests      from inference request to run, again and again
release       runs that wait for a part that is away go on as soon as it answers
source_probes the same for sources of requests, each for itself
lost_workers  runs of workers that do not come back
left_areas    working areas of requests that are over
"""
