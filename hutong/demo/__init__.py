"""The main job in a minute: a real gateway, 220 people on real links, a till on a real broker, and a ledger.

`child` starts the server, `cast` brings everybody online, `till` publishes orders, `scenes` is the story, `census`
counts what the clients hear, `report` shows it.
"""
