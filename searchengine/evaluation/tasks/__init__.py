"""Tasks beside retrieval: choosing among a few, and naming what is in a picture."""
