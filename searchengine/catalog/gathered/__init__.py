"""What is gathered of images beside their own facts: places, albums, and what stays out."""
