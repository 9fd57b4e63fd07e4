"""The text half of an encoder without torch: what a cold search loads."""
