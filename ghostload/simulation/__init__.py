"""Work by feeder: what belongs to one, what a month of it gives, and how many of them are run."""
