"""The connections under the application: how many there are, and how long each may wait."""
