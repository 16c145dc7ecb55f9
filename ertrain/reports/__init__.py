"""What runs say together: means, intervals, claims, pictures."""
