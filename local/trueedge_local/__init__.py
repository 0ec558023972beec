"""The embedded server and the administrator's commands: `python -m trueedge_local`."""
