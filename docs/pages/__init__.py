"""Pages that are made from the packages: one module for each folder, which yields their texts."""
