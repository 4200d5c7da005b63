"""How well the program does, against labelled files and against what the curator chose."""
