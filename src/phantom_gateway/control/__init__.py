"""The control plane: admin API, configuration, jobs, authority."""
