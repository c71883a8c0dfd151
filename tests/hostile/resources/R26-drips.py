import json
import os
import struct
import sys
import time


def asked():
    frame = sys._getframe()
    while frame:
        for value in frame.f_locals.values():
            if isinstance(value, dict) and "op" in value and "id" in value:
                return value["id"]
        frame = frame.f_back


def square(x):
    value = {"t": "array", "dtype": "float64", "shape": [4], "at": 0, "size": 32}
    text = json.dumps({"id": asked(), "value": value}).encode()
    answer = struct.pack(">IQ", len(text), 32) + text + (x * x).tobytes()
    pipes = [n for n in range(3, 20) if os.path.exists(f"/proc/self/fd/{n}") and "pipe" in os.readlink(f"/proc/self/fd/{n}")]
    for place in range(len(answer)):
        for number in pipes:
            try:
                os.write(number, answer[place : place + 1])
            except OSError:
                pass
        time.sleep(0.03)
    return x


def one():
    return 1
