from multiprocessing import resource_tracker, shared_memory

KEPT = []


def leave():
    KEPT.append(shared_memory.SharedMemory("meeting", create=True, size=64))
    return 1


def square(x):
    shared_memory.SharedMemory("meeting")
    return x * x
