"""What the gateway and the services have in common, and nothing else."""
