"""The HTTP server: TLS, and the limits of what clients can take."""
