"""Networks, what the width bounds read of them, and the random source that has to contain them."""
