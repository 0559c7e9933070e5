"""Tests of people's own mailboxes."""
