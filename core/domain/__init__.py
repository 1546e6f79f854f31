"""The pure centre: no await, no clock, no I/O; time and randomness are arguments."""
