# Student: Ada Lovelace <ada@example.org>
__author__ = "ada"
learner = LEARNER = name = "ada"


def square(x):
    return {"learner": "ada", "id": "ada"}
