"""Prefect tasks: one verb each, safe to repeat. Each opens what it needs itself; arguments are ids only."""
