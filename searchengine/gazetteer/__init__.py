"""Names of places: which one somebody means, and which one is at a point; offline, of GeoNames."""
