"""A library in immutable parts on any storage: laid out, committed part by part, published."""
