"""Taking instances in, from the first fragment of one to the manifest of its payload, and again after a crash.

- an instance: `reception` (streamed, then committed with one flush), `instance_file`, `association_files`,
  `association_intake`; `placing` (the group that it belongs to), `answers` (the status of what is not filed);
- a payload: `intake` (what the threads of all associations share), `groups` (what belongs together, and when it is
  closed), `manifest`, `last_payloads`;
- after any end: `recovery` (what was open is open again), `verification`, `damage`; `disk_health`.

Only the spool's owner does this. What every process may do with what lies there is `gateway.spool`.
"""
