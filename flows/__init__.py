"""Prefect flows: the order of the tasks, a page each."""
