"""API formats as data: where usage is, what a stream event looks like, how an error is said."""
