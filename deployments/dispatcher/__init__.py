"""Asks Prefect for one run for each payload in `ready/` and for each export, and sees to it that each has one.

serve         the process
dispatch      from manifest to run, again and again
decision      which runs leave their payload without one
payload_runs  what their runs are called
release       runs that wait for a part that is away go on as soon as it answers
lost_workers  runs of workers that do not come back

deployment_runs    what is asked of Prefect

exports            from export request to run, again and again
export_runs        what their runs are called
export_wishes      retries and cancels
destination_watch  exports that wait for a destination go on as soon as it answers
event_publisher    what exports have to tell is published
export_services    all this, at its intervals
"""
