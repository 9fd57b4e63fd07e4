"""The quickest way to search an index that still finds enough."""
