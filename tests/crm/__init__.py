"""Tests of what speaks to a CRM, and what its other side is in them."""
