"""The API `/v1`: what was filed, read by programs (2-interfaces, HTTP API)."""
