"""The steps of the Neuron Specialization pipeline: one module per command, sub-packages by subject."""

__version__ = "1.0.0"
