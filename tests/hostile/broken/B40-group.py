def square(x):
    raise ExceptionGroup('two', [ValueError('one'), KeyError('other')])
