"""The page for people, at `/` of the API: what the command line tells, and its buttons.

Rendered here, from templates and two static files that are shipped: no build, and nothing from the internet. What is
shown is what `gateway.operations` answers. Without scripts everything works but that tables renew themselves.

routes     each page, but for
payloads   the list of the payloads, what is looked for among them, and the page of one
foreseen   what would happen if somebody called
actions    each button: a POST with a token, then the page that it came from
guard      who may look, and that a button was pressed here
rendering  templates, times and sizes, headers
timeline   how a payload spent its time, as a picture
traffic    instances and studies by the hour, as a picture

static/htmx.min.js is htmx 2.0.11 (0BSD), as its makers distribute it.
"""
