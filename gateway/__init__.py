"""The domain: settings, spool, payloads, object stores, events. It knows no Prefect and no web framework."""

# A UUID-derived root (PS3.5 B.2) made once for this implementation; it names the software, not a release.
IMPLEMENTATION_CLASS_UID = "2.25.324825675319796684107018784343369764662"
IMPLEMENTATION_VERSION_NAME = "INFGATEWAY_0_1"
