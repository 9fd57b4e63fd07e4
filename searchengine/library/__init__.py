"""The front: one directory, opened, asked by many and written by one."""
