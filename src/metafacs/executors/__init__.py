"""Where jobs run: in processes of this machine, on a cluster through Slurm, or on one of Ray."""
