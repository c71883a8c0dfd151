def square(x):
    return x * x + [0.0, float('nan'), float('inf'), 0.0]
