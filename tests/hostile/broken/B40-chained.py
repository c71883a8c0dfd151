def square(x):
    try:
        return x['a']
    except IndexError as error:
        raise RuntimeError('could not square') from error
