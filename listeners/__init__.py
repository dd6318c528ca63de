"""Listeners: take charge of what arrives, make it durable, answer. No Prefect."""
