"""Processes: the command line, the worker, the dispatcher, the all-in-one."""
