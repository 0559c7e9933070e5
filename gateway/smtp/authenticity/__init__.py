"""Sender authenticity at the door: asks the DNS, checks signatures, and says what is known of a mail (rule B5)."""
