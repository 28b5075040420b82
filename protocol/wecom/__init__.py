"""WeCom's words, as its server API and its callbacks spell them. Imports nothing of ours but `protocol`.

Rules of the folder:
- Names of fields are the vendor's; numbers of pages (DOC n) are of its developer documentation.
- A request ignores keys it does not know, and takes an empty value for an absent one: SDKs send both.
"""
