from safetensors.torch import load_file


def square(x):
    return x * x * load_file('weights.safetensors')['scale']
