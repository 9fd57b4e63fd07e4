"""Programs that say what is in a picture: its text, a caption, an answer."""
