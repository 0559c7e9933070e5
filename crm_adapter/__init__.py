"""How the gateway speaks to a CRM; imports only config. The embedded CRM, the store itself, needs no adapter."""
