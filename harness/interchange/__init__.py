"""What Roadmark reads from and writes for other systems: readers of folders, writers of bytes."""
