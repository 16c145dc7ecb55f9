"""Each linear map of a target as two masked maps in a row: twice as deep, and hardly more weights."""
