"""Sender authenticity at the door: resolver, SPF, DKIM, ARC and DMARC."""
