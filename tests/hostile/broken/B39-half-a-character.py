def square(x):
    print('a\x00b')
    raise ValueError('nul \x00 and half \ud800')
