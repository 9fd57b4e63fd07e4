"""What a walk leaves out: junk by its name, what globs match, and what files in folders say."""
