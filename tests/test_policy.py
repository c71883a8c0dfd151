"""Which libraries a submission uses, wherever it hides them; what is ready-made; and what is allowed stays allowed."""

import pytest

from harness.policy import foreign_code, ready_made

ALLOWED = ("numpy",)


def said(**files):
    """Return the places in files, given by module name; the entry is main.py."""
    return foreign_code({f"{name}.py": text for name, text in files.items()}, "main.py", ALLOWED)


@pytest.mark.parametrize(
    "text",
    [
        "import torch",
        "import torch.nn as nn",
        "from sklearn.svm import SVC",
        "def f():\n    import scipy",
        "import sys",
        "from numpy import sys",
        "import numpy as np\nnp.lib.sys.modules['torch']",
        "__import__('torch')",
        "exec('import torch')",
        "__builtins__['exec']",
        "import importlib",
        "open('/etc/passwd')",
        "import numpy as np\nnp.loadtxt('digits.csv.gz')",
        "import numpy\ngetattr(numpy, 's' + 'ys')",
        "import numpy\ngetattr(numpy, '__dict__')",
        "import numpy\nvars(numpy)",
        "import random\nrandom._os.popen('ls')",
        "import numpy, operator\noperator.attrgetter('testing._private.utils.sys')(numpy)",
        "# coding: utf-7\nx = 1",
        "def f(:",
    ],
)
def test_finds_what_is_foreign(text):
    [place, *_] = said(main=text)
    assert place.startswith("main.py, line ")


def test_reads_what_the_entry_imports_and_nothing_else():
    files = {"main": "from helpers import f", "helpers": "import torch", "test_main": "import torch, pytest"}
    assert said(**files) == ("helpers.py, line 1: import of torch, which may not be used here",)


def test_a_file_named_like_a_library_is_not_what_is_imported():
    assert said(main="import torch", torch="x = 1")


def test_leaves_honest_code_alone():
    text = """
from __future__ import annotations
import math, re
from dataclasses import dataclass
import numpy as np
from helpers import f
from . import helpers
from numpy.typing import NDArray
pattern = re.compile("os and sys are only words here: import torch")
value = getattr(np, "float64")
"""
    assert said(main=text, helpers="def f(): ...") == ()


def test_a_method_may_be_called_eval():
    assert said(main="def judge(model, x):\n    return model.eval()(x)") == ()


# ---- what is ready-made --------------------------------------------------------------------

SHORTCUTS = (
    "torch.*attention*",
    "torch.nn.*Norm*",
    "sklearn",
    ".scaled_dot_product_attention",
    ".Transformer*",
)


def used(**files):
    """Return the places in files, given by module name; the entry is main.py."""
    return ready_made({f"{name}.py": text for name, text in files.items()}, "main.py", SHORTCUTS)


@pytest.mark.parametrize(
    "text",
    [
        "import torch\ny = torch.nn.functional.scaled_dot_product_attention(q, k, v)",
        "import torch.nn.functional as F\ny = F.scaled_dot_product_attention(q, k, v)",
        "from torch.nn import functional\ny = functional.multi_head_attention_forward()",
        "from torch.nn import MultiheadAttention as Mine",
        "from torch import nn\nnames = nn\nmore = names\nm = more.LayerNorm(3)",
        "import torch\nif (f := torch.nn):\n    f.layernorm",
        "from sklearn.decomposition import PCA",
        "from torch.nn import *",
        "import torch as t\ngetattr(t.nn, 'Multi' + 'headAttention')",
        "import torch\nvars(torch.nn)['LayerNorm']",
        "import torch\ntorch.nn.__dict__['LayerNorm']",
        "import torch\n[torch][0].nn.LayerNorm(3)",
        "import torch\ndef f(library=torch): ...",
        "import torch\nclass A:\n    library = torch",
        "from torch import nn\nnn.Module.__subclasses__()",
        "import sys\nsys.modules['torch']",
        "import importlib",
        "eval('torch')",
        "def f(x):\n    return x.scaled_dot_product_attention()",
        "name = 'nn.Transformer'",
        "# coding: utf-7\nx = 1",
        "def f(:",
    ],
)
def test_finds_what_is_ready_made(text):
    [place, *_] = used(main=text)
    assert place.startswith("main.py, line ")


def test_says_where_it_is_in_a_file_that_the_entry_imports():
    files = {
        "main": "from helpers import f",
        "helpers": "\nimport torch\nf = torch.nn.LayerNorm",
        "test_main": "import torch\ntorch.nn.LayerNorm(3)",
    }
    assert used(**files) == (
        "helpers.py, line 3: torch.nn.LayerNorm is ready-made, and building it is the exercise",
    )


def test_what_a_submission_builds_may_have_any_name():
    text = '''
"""Attention, as torch.nn.MultiheadAttention has it; Transformer."""
import torch, helpers
import torch.nn.functional as F
from torch import Tensor, nn

class Transformer(nn.Module):
    def __init__(self, name):
        self.attention = helpers.TransformerBlock(3)  # not F.scaled_dot_product_attention
        self.scaled_dot_product_attention = getattr(self, name)

    def forward(self, x: Tensor) -> Tensor:
        """Transformer"""
        activation = F.relu if isinstance(x, torch.Tensor) else torch.nn.functional.gelu
        functional = F
        return functional.softmax(self.attention(activation(x)), dim=-1)

def layer_norm(x):
    """LayerNorm"""
    return x / torch.linalg.vector_norm(x)

__all__ = ["Transformer", "layer_norm"]
'''
    assert used(main=text, helpers="class TransformerBlock: ...") == ()


def test_what_is_imported_is_read_up_to_a_bound_and_what_is_not_costs_nothing():
    assert not said(main="import small", small="x = 1", large="import torch\n" * 200_000)
    (place,) = said(main="import large", large="import torch\n" * 200_000)
    assert "longer than 1,048,576 characters" in place
