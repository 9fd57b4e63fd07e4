"""Keeping a library up to date while its folders change."""
