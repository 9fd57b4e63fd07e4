"""What commands do with a library in parts."""
