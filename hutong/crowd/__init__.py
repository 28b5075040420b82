"""Scripts of people: thousands of simulated members and consumers in one process, driven by a file of personas.

`file` reads who there is, `behaviour` decides what each does, `cast` makes them and brings them online, `stage` lets
them act, `books` count what they hear, `cost` measures, `report` shows it.
"""
