"""Inference requests as work: kept, told of, held by a run, and where their results may go. `gateway.acr` reads them.

acceptance    taken in, whoever brings it
naming        what its run is called
studies_form  one made from a form in the dashboard
identity      the ids that are derived from the transaction's
tables, row   requests in the database
view          one as people see it
store         those, taken in and looked at
work          what the engine has to be told of them
lease         a run's right to go on with one
retry_window  how long that waits for its sources
outputs       where results go, for exports
"""
