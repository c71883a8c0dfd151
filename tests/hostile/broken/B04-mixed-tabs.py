def square(x):
    if True:
	return x * x
