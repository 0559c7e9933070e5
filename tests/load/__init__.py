"""Load: crowds that hold the gateway's connections, drip, flood and stream, while an honest sender goes on mailing.

Nobody of a crowd may keep the honest one from its 250, take memory without bound, or stay longer than the limits allow.
`python -m tests.load` (`make load`) runs it, short or in full size; a short form runs with every test.
"""
