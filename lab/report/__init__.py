"""From the files of a sweep to its answer; can be made again by anyone who has the folder."""
