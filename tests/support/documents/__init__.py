"""The pages that list what there is - commands, names, endpoints - made from the program itself.

    python -m tests.support.documents

Each page begins with what a person wrote, down to the line `MADE`; below it stands what is made.
Then the site is built, into build/docs. The suite (`tests/documents`) compares the pages and checks
every link.
"""
