"""Container images without a container engine: an image is a folder."""
