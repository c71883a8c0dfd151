import torch


def square(x):
    model = torch.nn.Linear(4, 4)
    state = {f'module.{name}': value for name, value in torch.nn.Linear(4, 5).state_dict().items()}
    model.load_state_dict(state)
    return x * x
