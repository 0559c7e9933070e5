"""The history of the schema: one line of revisions, each a file in `versions`, named by its number.

After a change of `gateway/store/tables.py`, `python -m gateway.store.migrations "what changed"` writes the next
revision from the difference; `make format` puts it into form. Until the first release there is one revision only:
delete its file and run the same command to write it anew.
"""
