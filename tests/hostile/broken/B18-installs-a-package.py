import subprocess
import sys


def square(x):
    subprocess.run([sys.executable, '-m', 'pip', 'install', 'tensorflow'], check=True)
    return x * x
