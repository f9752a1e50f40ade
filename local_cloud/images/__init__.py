"""Container images without an engine: what `docker` does for the CDK, done with folders."""
