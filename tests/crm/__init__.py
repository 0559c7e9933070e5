"""CRM adapters, each against a real server that enforces the rules of its other side."""
