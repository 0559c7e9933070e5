"""The API `/v1`: what was filed, read by programs (docs/api.md)."""
