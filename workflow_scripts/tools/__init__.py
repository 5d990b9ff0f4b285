"""What people call beside the pipeline: plan, status, doctor, orphans, compare, export."""
