"""A seeded marketplace on simulated time: catalogue, pictures, a search engine with known faults, and shoppers.

Its truth is known (`Marketplace.truth`), so what the service finds can be compared with what is there.
"""
