"""What people call beside the pipeline, a module per command."""
