"""The real components that tests run against, each a child process on free ports in a private directory.

    with rabbitmq.running(tmp_path) as broker:      # or the fixture of the same name, shared by all tests
        broker.server.stop()                        # an outage
        broker.server.start()                       # the same data, the same ports

Nothing is mocked, and nothing is left behind: a server ends with its `with` block, and with the test run itself even
where that is killed. `make peers` installs what is missing; a test that uses one carries the marker `peers`.
"""
