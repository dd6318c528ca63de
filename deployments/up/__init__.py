"""`mig up`: everything in one, for a bench, a demonstration or a small site.

up_process  the process: what is checked before, and what is said when all is ready
parts       what runs: Prefect's server where none is configured, receiver, API, dispatcher, worker
part        one of them: started, its log taken, started again when it dies
welcome     the last lines of its start: where to send to, what to look at
ending      in which order they end, within ten seconds
log_lines   what they print, as one log
launcher    starts a part so that it dies with us, however we do
"""
