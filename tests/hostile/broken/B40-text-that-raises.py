class Rude(Exception):
    def __str__(self):
        raise KeyError('no')


def square(x):
    raise Rude
