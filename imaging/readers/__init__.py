"""One module a file format of images."""
