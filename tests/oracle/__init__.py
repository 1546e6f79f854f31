"""A second, plain reading of the contract, written from its text alone and compared with the service."""
