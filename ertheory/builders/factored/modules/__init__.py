"""PyTorch modules in which every linear map is a pair of masked maps. PyTorch is imported by the first call."""
