"""The HTTP API.

api_process   the API as a process: what it needs, its routers, its end
routes        what is asked and answered
server        uvicorn, kept still while nobody asks
connection    one of a client, short with who says nothing, or not to the end
app           the application: routers, what every answer has in common
limits        what is refused by its head; how long and how large a request may be
own_origin    who changes something: not a web page of somebody else's
problems      errors, as RFC 9457 has them; nothing of what came in is said back
openapi       requests that we read ourselves, described all the same
recent        answers that are good for a moment
"""
