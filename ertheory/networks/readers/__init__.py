"""Networks and targets as people have them: files, PyTorch modules, state dicts, scikit-learn."""
