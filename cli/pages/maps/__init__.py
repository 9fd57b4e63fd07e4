"""Pictures with a map over them."""
