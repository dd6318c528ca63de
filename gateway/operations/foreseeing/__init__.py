"""What would happen if somebody sent something here: asked of the settings, with nothing sent, stored or made.

Each answer comes from the function that a receiver, or a run, asks as well; none is thought up here.

foreseen     what is asked, and what is answered
asking       a question as somebody has typed it
association  would it be let in, and with which presentation contexts
instances    what would become of each file
payloads     into which payloads they would come, and how each would be announced
event        an event as it would go out
explaining   all of that in one
export       what an export would send where
"""
