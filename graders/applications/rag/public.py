"""Public checks: learners may read them and run them with `roadmark check`."""

import re

import numpy as np

from harness.grading import assert_close, check, expect_array, expect_text, wrong

# ---- passages --------------------------------------------------------------------------------


@check(points=2, hint="paragraphs are parted by blank lines; fill a passage until the next one does not fit")
def test_splits(submission, word):
    """split(text, most) puts whole paragraphs together, as many as fit, and loses nothing"""
    sizes = [(4, 5), (9,), (3, 3, 3), (8, 2), (6,)]
    paragraphs = [[" ".join(word() for _ in range(size)) for size in group] for group in sizes]
    text = "\n\n".join("\n\n".join(group) for group in paragraphs)
    got = submission.split(text, 10)
    expected = [" ".join(group) for group in paragraphs]
    if (
        not isinstance(got, list)
        or [" ".join(expect_text(one, what="a passage").split()) for one in got] != expected
    ):
        wrong(
            "split(text, 10): paragraphs of 4, 5, 9, 3, 3, 3, 8, 2 and 6 words"
            " make passages of 9, 9, 9, 10 and 6 words."
        )


# ---- vectors and search ----------------------------------------------------------------------


@check(points=2, hint="count words, weigh them, and divide each row by its length")
def test_embeds(indexed, word):
    """embed(texts) gives a vector of length 1 for each text; nearer texts have nearer ones"""
    shared, other = [word() for _ in range(4)], [word() for _ in range(6)]
    texts = [
        " ".join(shared),
        " ".join([*shared[:3], other[0]]),
        " ".join([shared[0], *other[:3]]),
        " ".join(other),
    ]
    index = indexed([*texts, *(f"{word()} {word()}" for _ in range(8))])
    vectors = expect_array(index.embed(texts), shape=(4, None), what="embed(texts)").astype(float)
    assert_close(np.linalg.norm(vectors, axis=1), np.ones(4), what="the lengths of embed(texts)")
    near = vectors @ vectors[0]
    if not near[0] > near[1] > near[2] > near[3] - 1e-9 or near[3] > 0.5:
        wrong("embed(texts): a text that shares more words with another one has to be nearer to it.")
    assert_close(
        index.embed(texts[1:2]), vectors[1:2], what="embed of one text, compared with embed of several"
    )
    empty = expect_array(index.embed(["?"]), shape=(1, vectors.shape[1]), what="embed(['?'])")
    if np.abs(empty).max() > 0:
        wrong("embed(['?']): a text without words has a vector of zeros.")


@check(
    points=2,
    needs=test_embeds,
    hint="score every passage, sort, and give the first k with id, text and score",
)
def test_searches(indexed, shelf, found, word):
    """search(question, k) returns the k best passages, each once, best first"""
    texts = [" ".join(word() for _ in range(8)) for _ in range(20)]
    passages, index = shelf(texts), indexed(texts)
    for target in (3, 11):
        got = found(index.search(texts[target], 5), "search(question, 5)")
        scores = [one["score"] for one in got]
        if len(got) != 5 or len({one["id"] for one in got}) != 5 or scores != sorted(scores, reverse=True):
            wrong("search(question, 5): expected 5 different passages, their scores falling.")
        if any({"id": one["id"], "text": one["text"]} not in passages for one in got):
            wrong("search(question, 5): an id does not belong to its text.")
        if got[0]["id"] != passages[target]["id"]:
            wrong("search(question, 5): a passage that is the question word for word does not come first.")


# ---- prompt and reply ------------------------------------------------------------------------


@check(
    points=2,
    hint="a line '[1] text' for each passage, then 'Question: …'; the three forms in the system's message",
)
def test_writes_prompts(submission, shelf, look, word):
    """make_prompt numbers the passages, asks the question, and names the three forms of a reply"""
    texts = [f"{word()} {word()} [7] {word()}." for _ in range(4)]
    question = f"What is {word()}?"
    messages = submission.make_prompt(question, shelf(texts))
    if look(messages) != list(enumerate(texts, start=1)):
        wrong("make_prompt: expected a line '[n] text' for each passage, in order, from 1.")
    if not re.search(rf"^Question: {re.escape(question)}\s*\Z", messages[-1]["content"], re.MULTILINE):
        wrong("make_prompt: the user's message has to end with a line 'Question: …'.")
    missing = [form for form in ("Answer:", "Search:", "Unknown") if form not in messages[0]["content"]]
    if missing:
        wrong(f"make_prompt: the system's message does not name the form '{missing[0]}'.")


@check(points=2, hint="the first line that begins with Answer:, Search: or Unknown; [numbers] are citations")
def test_reads_replies(submission, word):
    """read_reply finds answer and citations, a search, or that it is not known"""
    text = f"{word()} {word()}"
    for reply, want in (
        (f"Answer: {text} [2]", {"answer": text, "cited": [2], "search": None}),
        (f"Let me see.\nAnswer: {text}. [1][3]", {"answer": text, "cited": [1, 3], "search": None}),
        (f"Answer: {text}", {"answer": text, "cited": [], "search": None}),
        (f"Search: {text}", {"answer": None, "cited": [], "search": text}),
        ("Unknown", {"answer": None, "cited": [], "search": None}),
        (f"I think it is {text} [2].", None),
        ("", None),
    ):
        got = submission.read_reply(reply)
        if not same(got, want):
            wrong(f"read_reply({reply!r}): expected {want!r}.")


def same(got, want):
    """Whether what was read is what should be: None, or a dict of a text or None, numbers, a text or None."""
    if want is None or not isinstance(got, dict):
        return got is None and want is None
    plain = all(value is None or isinstance(value, (str, list)) for value in got.values())
    cited = got.get("cited")
    return plain and isinstance(cited, list) and all(type(one) is int for one in cited) and got == want
