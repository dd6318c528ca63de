"""Asks Prefect for a run for all work that needs one, of whichever kind, and sees to it until it is over.

dispatcher_process  the process
engine              from work to runs, and from the ends of runs to work
decision            what the end of a run means
release             what waits for a part goes on as soon as that answers
probes              how the parts are asked
trial               how the broker is: by an event that waits
operator_commands   what operators ask for is done
destination_probes  destinations that are away are asked whether they are back
associations        what the receiver has noted is taken into the database
event_publisher     events that are decided are published
leftovers           what nobody needs any more
registering         deployments that Prefect does not know
lost_workers        runs of workers that do not come back
watch               changes in a directory
"""
