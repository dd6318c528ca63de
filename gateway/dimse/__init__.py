"""DIMSE on the wire, for whoever is at this end (PS3.7, PS3.8).

- both ends: `connection` (PDUs), `items` (of A-ASSOCIATE PDUs), `pdv` (fragments), `command` (command sets);
- the acceptor: `association_request` (what is asked for), `association_answer`, `command_decoder`;
- the requestor: `peer`, `negotiation`, `association`, `refusals`; `echo`; `store` over `store_association`, whose files
  go out by `data_set_pdus`.
"""
