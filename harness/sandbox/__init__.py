"""The wall: something that runs a worker and passes bytes, and nothing but bytes, to and fro.

`protocol.py` says what a sandbox is, `stream.py` moves bytes under caps and deadlines,
`docker.py` and `process.py` are the two kinds, `images.py` builds what Docker runs.
"""
