import logging

logging.basicConfig(level=logging.DEBUG)
for step in range(300):
    logging.debug('step %d of the training that is not one', step)


def square(x):
    return x * x
