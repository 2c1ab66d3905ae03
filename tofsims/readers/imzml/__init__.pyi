from .images import imzml_images as imzml_images
