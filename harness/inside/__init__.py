"""What runs in the sandbox beside the learner's code. It answers questions and decides nothing.

Standard library only; NumPy and torch are used when the submission uses them.
"""
