"""A stand-in of the services on loopback, and the sample figures it answers from. Imports `models` only."""
