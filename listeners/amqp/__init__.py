"""Export requests from the broker: understood, made durable, acknowledged.

amqp_process  the process: connects, and connects again
consumer      one connection: what comes is taken one by one
delivery      what is done with a message
topology      queues as MONAI Deploy declares them, or as they are
"""
