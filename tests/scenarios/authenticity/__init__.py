"""Rule B5: who is believed to be who From says, told through the port."""
