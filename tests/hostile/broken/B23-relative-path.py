def square(x):
    with open('data/table.csv') as file:
        return [float(line) ** 2 for line in file]
