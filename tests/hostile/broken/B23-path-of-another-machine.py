def square(x):
    with open(r'C:\Users\me\data\table.csv') as file:
        return [float(line) ** 2 for line in file]
