"""Writes the contract, `services/openapi.json`, from the code: tables, routes, handlers, and answers that were given.

Made at commit time and not at run time: building it takes every handler, the template and a store to ask, and a
function that starts cold should only have to read a file. `python3 dev.py openapi` writes it anew, and a test says when
to. So a change of the contract is a difference that a reviewer sees.
"""
