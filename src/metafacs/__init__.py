"""Train, adapt and run facial action unit (AU) detectors.

The package imports nothing heavy by itself: ``import metafacs`` is side-effect free and needs no network.
"""

__version__ = "0.1.0"
