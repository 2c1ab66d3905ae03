"""Reader of images that Velox (FEI, Thermo Fisher) stores as .emd."""
