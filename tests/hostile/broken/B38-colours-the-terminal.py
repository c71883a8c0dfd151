def square(x):
    print('\x1b]0;owned\x07\x1b[2J\x1b[31mred\x9b\x07')
    raise ValueError('\x1b[31mred\x1b]8;;http://evil.example\x07link\x1b]8;;\x07 \u202egpj.exe')
