"""Asks Prefect for one run for each payload in `ready/`, and sees to it that each has one until it is announced.

serve         the process
dispatch      from manifest to run, again and again
decision      which runs leave their payload without one
payload_runs  what is asked of Prefect
release       runs that wait for a part that is away go on as soon as it answers
lost_workers  runs of workers that do not come back
"""
