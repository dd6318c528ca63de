"""Prefect itself, as our processes need it.

environment       what is set before Prefect is imported
pools             our work pools and their queues
registration      pools, queues and the deployments of prefect.yaml, as Prefect is to have them
prefect_api       a client, and its errors as ours
"""
