import matplotlib.pyplot as plt


def square(x):
    plt.plot(x.numpy())
    plt.show()
    return x * x
