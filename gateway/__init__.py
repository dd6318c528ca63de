"""The domain: settings, spool, payloads, object stores, events. It knows no Prefect and no web framework."""
