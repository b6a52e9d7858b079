"""Attacks on metafacs: damaged, half-written, hostile and misunderstood input, kills and power cuts."""
