"""Times kprov beside what it competes with, on one lab host, by turns."""
