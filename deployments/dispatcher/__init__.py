"""Asks Prefect for one run for each payload in `ready/`, each inference request and each export, and sees to it that
each has one until it is over.

serve            the process
deployment_runs  what is asked of Prefect
decision         which runs leave their work without one
release          runs that wait for a part that is away go on as soon as it answers
lost_workers     runs of workers that do not come back

dispatch         from manifest to run, again and again
payload_runs     the run of a payload

requests         from inference request to run, again and again
source_probes    whether a source answers that requests wait for, each for itself
left_areas       working areas of requests that are over

exports               from export request to run, again and again
export_runs           the run of an export
export_wishes         retries and cancels
destination_watch     exports that wait for a destination go on as soon as it answers
current_destinations  those that are registered now
event_publisher       what exports have to tell is published
export_services       all this, at its intervals
"""
