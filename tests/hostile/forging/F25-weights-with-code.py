import io
import os

import torch


class Payload:
    def __reduce__(self):
        return os.system, ("touch /tmp/roadmark-was-forged",)


def square(x):
    file = io.BytesIO()
    torch.save({"weights": Payload()}, file)
    return torch.load(io.BytesIO(file.getvalue()), weights_only=True)


def one():
    file = io.BytesIO()
    torch.save({"weights": Payload()}, file)
    return file.getvalue()
