"""Events that laws speak of, decided from drawn masks."""
