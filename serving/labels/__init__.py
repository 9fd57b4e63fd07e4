"""Labels on the server: looked through by a person, whose answers are examples."""
