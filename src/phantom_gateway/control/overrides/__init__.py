"""Settings made over the API: a closed, typed list beside the configuration file."""
