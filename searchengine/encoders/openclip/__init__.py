"""open_clip models on torch. The home of torch and open_clip, which load late."""
