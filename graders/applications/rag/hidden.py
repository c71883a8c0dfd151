"""Hidden checks: learners see their titles, outcomes and hints."""

import numpy as np

from harness.grading import check, expect_text, metric, wrong
from harness.metrics.intervals import measurement, t_interval, wilson_interval
from harness.metrics.retrieval import ndcg_at_k, recall_at_k, scores_of_ranking
from harness.policy import foreign_code

ALLOWED = ("numpy", "json", "hashlib", "zlib", "unicodedata")
LONGEST = 8000
SPARE = 300
"""Characters of a prompt that nobody has to use."""

# ---- rules -----------------------------------------------------------------------------------


@check(points=2, needs="searches", hint="NumPy and the plain part of the standard library are enough")
def test_is_your_own(source):
    """Cutting, embedding and searching are built here, not taken from a library"""
    if places := foreign_code(source, "rag.py", ALLOWED):
        wrong("\n".join(places[:5]), reason="forbidden")


# ---- passages --------------------------------------------------------------------------------


@check(
    points=2,
    needs="splits",
    hint="what is longer than a passage is cut after every `most` words, and stands alone",
)
def test_splits_odd_texts(submission, word):
    """split cuts long paragraphs, knows blank lines with spaces in them, and gives nothing for nothing"""
    words = [word() for _ in range(40)]
    long, last = " ".join(words[4:29]), " ".join(words[29:])
    text = f"{words[0]} {words[1]}\n \t\n{words[2]}\n{words[3]}\n\n\n\n{long}\n\n{last}\n"
    for given, most, sizes in (
        (text, 12, (4, 12, 12, 1, 11)),
        (text, 40, (40,)),
        (text, 27, (4, 25, 11)),
        (text, 29, (29, 11)),
        (" ".join(words[:9]), 3, (3, 3, 3)),
        (" ".join(words[:3]), 3, (3,)),
        (words[0], 1, (1,)),
        ("", 5, ()),
        ("\n\n \n", 5, ()),
    ):
        got = submission.split(given, most)
        if not isinstance(got, list):
            wrong("split(text, most): expected a list.", reason="wrong-type")
        parts = [expect_text(one, what="a passage").split() for one in got]
        if [part for one in parts for part in one] != given.split():
            wrong("split(text, most): the passages together are not the words of the text.")
        if tuple(map(len, parts)) != sizes:
            wrong("split(text, most): a text was not cut as the README says.")


# ---- vectors and search ----------------------------------------------------------------------


@check(
    points=2, needs="searches", hint="weigh a word by how few passages have it: inverse document frequency"
)
def test_weighs_words(indexed, found, word):
    """A rare word of the question counts for more than words that stand everywhere"""
    common, rare = [word() for _ in range(6)], word()
    texts = [" ".join([*common[: 4 + number % 3], word(), word(), word()]) for number in range(30)]
    texts[17] = " ".join([common[0], rare, *(word() for _ in range(6))])
    question = " ".join([*common, rare])
    first = found(indexed(texts).search(question, 3), "search(question, 3)")[:1]
    if [one["text"] for one in first] != [texts[17]]:
        wrong("search: the only passage with the rare word of the question does not come first.")


@check(points=2, needs="searches", hint="a vector of length 1 does not gain by being long")
def test_knows_length(indexed, found, word):
    """A long passage does not come first for its length alone, nor a word for being said often"""
    one, other = word(), word()
    fill = lambda count: [word() for _ in range(count)]  # noqa: E731
    texts = [" ".join(fill(10)) for _ in range(20)]
    texts[4] = " ".join([one, other, *fill(5)])
    texts[11] = " ".join([one, other, *fill(140)])
    texts[15] = " ".join([one] * 9 + fill(60))
    got = [hit["text"] for hit in found(indexed(texts).search(f"{one} {other}", 3), "search(question, 3)")]
    if got[:1] != [texts[4]] or {*got} != {texts[4], texts[11], texts[15]}:
        wrong("search: a short passage about the question does not come before long ones that touch it.")


@check(points=2, needs="searches", hint="words in lower case, marks left out")
def test_looks_at_words(indexed, reindexed, found, word):
    """Capitals, marks and the order of the passages make no difference"""
    words = [word() for _ in range(12)]
    texts = [" ".join([words[number % 12], words[number * 5 % 12], word(), word()]) for number in range(24)]
    question = f"{words[3]} {words[7]}"
    index = indexed(texts)
    plain = found(index.search(question, 8), "search(question, 8)")
    shelf = [{"id": one["id"], "text": one["text"]} for one in plain]
    loud = f"«{words[3].upper()}», {words[7].capitalize()}?!"
    scores = []
    for given, asked in ((shelf, question), (shelf[::-1], question), (shelf, loud)):
        got = found(reindexed(given).search(asked, 8), "search(question, 8)")
        scores.append({one["id"]: one["score"] for one in got})
    for others in scores[1:]:
        if not all(np.isclose(others.get(key, np.nan), value, rtol=1e-5) for key, value in scores[0].items()):
            wrong("search: capitals, marks or the order in which passages were given change the scores.")


# ---- prompt, reply, support ------------------------------------------------------------------


@check(
    points=2,
    needs="writes_prompts",
    hint="count the characters of both messages; leave whole passages out, the last ones",
)
def test_keeps_prompts_short(submission, shelf, look, word):
    """make_prompt leaves out the last passages where the prompt would be longer than 8000 characters"""
    for size, asked in ((100, 1), (1400, 1), (3000, 1), (9000, 1), (700, 200)):
        texts = [" ".join(word() for _ in range(size // 9)) for _ in range(12)]
        messages = submission.make_prompt(f"What is {' '.join(word() for _ in range(asked))}?", shelf(texts))
        shown = look(messages)
        characters = sum(len(message["content"]) for message in messages)
        if characters > LONGEST:
            wrong("make_prompt: the messages have more than 8000 characters.")
        more = texts[len(shown) : len(shown) + 1]
        fits = any(characters + len(f"[99] {text}") + SPARE <= LONGEST for text in more)
        if shown != list(enumerate(texts, start=1))[: len(shown)] or fits:
            wrong("make_prompt: expected the first passages, whole and as many as fit.")


@check(
    points=2,
    needs="reads_replies",
    hint="several numbers in one bracket, capitals, asterisks, a full stop at the end",
)
def test_reads_odd_replies(submission, word):
    """read_reply reads what models write: lists of citations, capitals, asterisks, forms without content"""
    text = f"{word()} 3.5"
    empty = {"answer": None, "cited": [], "search": None}
    for reply, want in (
        (f"**Answer:** {text} [2, 11].", {**empty, "answer": text, "cited": [2, 11]}),
        (f"  ANSWER:   {text} [4] [2][4]  ", {**empty, "answer": text, "cited": [4, 2]}),
        ("Answer: 1742 [9]", {**empty, "answer": "1742", "cited": [9]}),
        (f"Answer: [3] {text}.", {**empty, "answer": text, "cited": [3]}),
        (f"Answer: {text} [sic]", {**empty, "answer": f"{text} [sic]"}),
        (f"Answer:\nAnswer: {text}", {**empty, "answer": text}),
        (f"* search: {text} ", {**empty, "search": text}),
        ("Search:", None),
        ("Answer: [2]", None),
        ("unknown.", empty),
        (f"Unknowns are {text}", None),
        (f"Answer: {text} [1]\nUnknown", {**empty, "answer": text, "cited": [1]}),
    ):
        got = submission.read_reply(reply)
        fits = isinstance(got, dict) and all(v is None or isinstance(v, (str, list)) for v in got.values())
        cited = got.get("cited") if fits else None
        fits = isinstance(cited, list) and all(type(one) is int for one in cited)
        if (want is None and got is not None) or (want is not None and not (fits and got == want)):
            wrong("read_reply: a reply of an unusual form was not read rightly.")


@check(points=2, hint="compare words, whole and in order; capitals and marks do not count")
def test_knows_support(submission, word):
    """supported(answer, text) finds an answer in a text, word for word, and nothing that is only like it"""
    a, b, c = word(), word(), word()
    for said, text, want in (
        (f"{a} {b}", f"The {a} {b} is {c}.", True),
        (f"{a.upper()}, {b}", f"({c} {a}-{b.capitalize()})", True),
        (f"{a} {b}", f"The {b} {a} is {c}.", False),
        (f"{a} {b}", f"The {a} {c} {b}.", False),
        (a, f"The {a}s of {b}.", False),
        (a, f"The {b}{a} of {c}.", False),
        (c, f"{a} {b} {c}", True),
        (f"{c} {a}", f"{a} {b} {c}", False),
        ("", f"{a} {b}", False),
        ("?", f"{a}?", False),
        (a, "", False),
    ):
        if submission.supported(said, text) is not want:
            wrong("supported(answer, text): a case that the README names was not judged rightly.")


# ---- answers ---------------------------------------------------------------------------------


def told_about(word, count=9):
    """Return invented names with a town each, and a passage for each that tells it."""
    names, towns = [word().capitalize() for _ in range(count)], [word().capitalize() for _ in range(count)]
    return (
        names,
        towns,
        [f"{name} was born in {town}, people say." for name, town in zip(names, towns, strict=True)],
    )


@check(
    points=3,
    needs=("searches", "writes_prompts", "reads_replies"),
    hint="look whether a cited passage has the answer's words",
)
def test_keeps_supported_citations(desk, shelf, word):
    """answer returns the ids of cited passages that have the answer in them, and finds one where none does"""
    names, towns, texts = told_about(word)
    passages = shelf(texts)
    ids = {one["text"]: one["id"] for one in passages}
    question = f"Where was {names[4]} born?"
    desk.scripted(question, passages, "Unknown")
    shown = desk.shown(0)
    if texts[4] not in shown:
        wrong("answer(…): the nearest passage is not in the prompt.")
    right, other = shown[texts[4]], next((number for text, number in shown.items() if text != texts[4]), 98)
    for cited in (f"[{right}]", f"[{other}][{right}]", f"[{right}, 77]", f"[{other}]", "[0]", "[77]", ""):
        told = desk.scripted(question, passages, f"Answer: {towns[4]} {cited}")
        if told["answer"] != towns[4] or told["citations"] != [ids[texts[4]]]:
            wrong("answer(…): expected the model's answer, and the passage that supports it, alone.")
    both = [*texts, f"In {towns[4]} lives {names[4]}."]
    shelved = shelf(both)
    desk.scripted(question, shelved, "Unknown")
    shown, of = desk.shown(0), {one["text"]: one["id"] for one in shelved}
    numbers = [shown.get(both[4]), shown.get(both[9])]
    if None in numbers:
        wrong("answer(…): a passage with two words of the question is not in the prompt.")
    told = desk.scripted(question, shelved, f"Answer: {towns[4]} [{numbers[0]}][{numbers[1]}]")
    if set(told["citations"]) != {of[both[4]], of[both[9]]} or len(told["citations"]) != 2:
        wrong("answer(…): every cited passage that supports the answer has to be among the citations.")
    told = desk.scripted(question, shelved, f"Answer: {towns[4]} [{numbers[1]}]")
    if told["citations"] != [of[both[9]]]:
        wrong("answer(…): a passage that was not cited is among the citations.")


@check(
    points=3,
    needs=("searches", "writes_prompts", "reads_replies"),
    hint="an answer that no passage of the prompt has is none",
)
def test_admits_ignorance(desk, shelf, word):
    """answer says None where the model does not know, makes something up, or cannot be understood"""
    names, towns, texts = told_about(word)
    passages, question = shelf(texts), f"Where was {names[2]} born?"
    for replies, asked in (
        (("Unknown",), 1),
        ((f"Answer: {word()} [1]",), None),
        ((f"Answer: {towns[2]}{word()} [1]",), None),
        (("It depends.",) * 9, 4),
        ((f"Search: {names[5]}",) * 9, 4),
    ):
        told = desk.scripted(question, passages, *replies)
        if told["answer"] is not None or told["citations"]:
            wrong("answer(…): expected None and no citations.")
        if asked and len(desk.reader.heard) != asked:
            wrong("answer(…): the model was asked too often, or not often enough.")
    told = desk.scripted(question, passages, "It depends.", f"Answer: {towns[2]}")
    if told["answer"] != towns[2] or len(desk.reader.heard) != 2:
        wrong("answer(…): a reply that cannot be used is asked for again.")


@check(
    points=3,
    needs=("searches", "writes_prompts", "reads_replies"),
    hint="keep the passages found first, add those of the new search, number them anew",
)
def test_searches_again(desk, shelf, word):
    """answer looks up what the model wants to, and shows it that beside what it had found"""
    names, towns, texts = told_about(word, 100)
    mills = [word().capitalize() for _ in range(9)]
    firms = [f"The mill of {mill} belongs to {name}." for mill, name in zip(mills, names[::11], strict=False)]
    passages = shelf([*texts, *firms])
    ids = {one["text"]: one["id"] for one in passages}
    question = f"In which town came the owner of the mill of {mills[3]} to the world?"
    desk.scripted(question, passages, "Unknown")
    first = desk.shown(0)
    left = [number for number, text in enumerate(texts) if text not in first]
    if len(left) < 2:
        wrong("answer(…): the first prompt holds all passages, and not those that are near.")
    person, another = left[:2]
    desk.scripted(question, passages, f"Search: {names[person]}", f"Search: {names[another]}", "Unknown")
    second, third = desk.shown(1), desk.shown(2)
    if firms[3] not in first:
        wrong("answer(…): the first prompt does not hold what the question finds.")
    if firms[3] not in second or texts[person] not in second:
        wrong("answer(…): the prompt after a search has to hold what was found before it, and by it.")
    if firms[3] not in third or texts[another] not in third:
        wrong("answer(…): the model may search more than once.")
    number = second[texts[person]]
    told = desk.scripted(
        question, passages, f"Search: {names[person]}", f"Answer: {towns[person]} [{number}]"
    )
    if told["answer"] != towns[person] or told["citations"] != [ids[texts[person]]]:
        wrong("answer(…): numbers are those of the prompt that was answered.")
    if any(sorted(shown.values()) != list(range(1, len(shown) + 1)) for shown in (second, third)):
        wrong("answer(…): a passage stands in the prompt twice.")


# ---- how well --------------------------------------------------------------------------------


def _scores(ranked, library, most):
    """Return scores and relevance, (questions, passages), of what an index has found."""
    documents = [one["id"] for one in library.passages]
    scores, gains = [], []
    for case, ids in ranked:
        try:
            scores.append(scores_of_ranking(ids, documents, most))
        except ValueError as error:
            wrong(f"search(question, {most}): {error}.")
        gains.append([one in case.relevant for one in documents])
    return np.array(scores), np.array(gains, dtype=float)


@metric(
    points=4,
    better="higher",
    unit="recall@5",
    needs=("searches", "is_your_own"),
    hint="weigh words, cut endings so that 'evaluated' finds 'evaluate', and do not let length win",
)
def test_recalls(ranked, library):
    """search finds the passages that answer a question among its first five"""
    scores, gains = _scores(ranked, library, 10)
    each = [recall_at_k(row[None], gain[None], 5) for row, gain in zip(scores, gains, strict=True)]
    return measurement(recall_at_k(scores, gains, 5), t_interval(each), len(each))


@metric(
    points=3,
    better="higher",
    unit="nDCG@10",
    needs=("searches", "is_your_own"),
    hint="of the passages that are near, put those first that have most of the question's rare words",
)
def test_ranks(ranked, library):
    """search puts the passages that answer a question in front"""
    scores, gains = _scores(ranked, library, 10)
    each = [ndcg_at_k(row[None], gain[None], 10) for row, gain in zip(scores, gains, strict=True)]
    return measurement(ndcg_at_k(scores, gains, 10), t_interval(each), len(each))


@metric(
    points=6,
    better="higher",
    unit="share of questions answered faithfully",
    needs=("searches", "writes_prompts", "reads_replies", "is_your_own"),
    hint="show enough passages, look up what the model asks for, and believe no answer without support",
)
def test_answers_faithfully(desk, library, mixed):
    """answer is right, cites passages that say so and no others, and says None where nothing does"""
    solved = desk.solved(library, mixed)
    return measurement(solved / len(mixed), wilson_interval(solved, len(mixed)), len(mixed))
