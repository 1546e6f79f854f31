"""What people are asked to grade, in which order, and what follows from their answers. Pure."""
