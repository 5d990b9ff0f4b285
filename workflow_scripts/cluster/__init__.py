"""SLURM: the job we are in, the jobs in the queue, and what a run costs. Standard library only."""
