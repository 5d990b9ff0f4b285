"""The steps of the pipeline, a module per rule: parse arguments, load, call, write."""
