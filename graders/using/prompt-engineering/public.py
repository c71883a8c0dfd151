"""Public checks: learners may read them and run them with `roadmark check`."""

from harness.grading import check, expect_text, wrong


@check(points=2, hint="a system message with role, instruction and format; a user message with the text")
def test_zero_shot(submission, one, prompt):
    """zero_shot says who, what and which labels, and asks for a line `Answer: …`"""
    case = one("topic")
    labels = case.options["labels"]
    messages = prompt(
        submission.zero_shot(case.task, case.text, labels), case, "zero_shot(task, text, labels)"
    )
    asked_for(messages, [*labels, "answer:"], "zero_shot(task, text, labels)")


def asked_for(messages, words, what):
    """Require words somewhere in a prompt, in capitals or not."""
    text = "\n".join(message["content"] for message in messages).lower()
    missing = [word for word in words if word.lower() not in text]
    if missing:
        wrong(f"{what}: the prompt does not name {', '.join(missing)}.")


@check(points=2, hint="for each example a user message with its text and an assistant message with its label")
def test_few_shot(submission, one, prompt):
    """few_shot shows each example as a question and its answer, in order, before the text"""
    case = one("code")
    labels, examples = case.options["labels"], case.options["examples"]
    what = "few_shot(task, text, labels, examples)"
    messages = prompt(submission.few_shot(case.task, case.text, labels, examples), case, what)
    asked_for(messages, [*labels, "answer:"], what)
    turns = [message for message in messages if message["role"] != "system"]
    if [turn["role"] for turn in turns] != ["user", "assistant"] * len(examples) + ["user"]:
        wrong(f"{what}: expected user and assistant in turn, a pair for each example, and the user last.")
    for (text, label), question, answer in zip(examples, turns[::2], turns[1::2], strict=False):
        if text not in question["content"] or answer["content"].strip() != f"Answer: {label}":
            wrong(f"{what}: a pair is not an example's text and 'Answer: <label>'.")


@check(points=1, hint="'think step by step', and then the line with the answer")
def test_chain_of_thought(submission, one, prompt):
    """chain_of_thought asks for reasoning before the answer"""
    case = one("sum")
    messages = prompt(submission.chain_of_thought(case.task, case.text), case, "chain_of_thought(task, text)")
    asked_for(messages, ["answer:"], "chain_of_thought(task, text)")
    text = "\n".join(message["content"] for message in messages).lower()
    if not any(words in text for words in ("step by step", "reason", "think", "show your work")):
        wrong("chain_of_thought(task, text): nothing asks for reasoning.")


@check(points=1, hint="the word JSON, and each field by its name and type")
def test_structured(submission, one, prompt):
    """structured names the format, every field and its type"""
    case = one("order")
    what = "structured(task, text, fields)"
    messages = prompt(submission.structured(case.task, case.text, case.options["fields"]), case, what)
    asked_for(messages, ["json", *case.options["fields"], *case.options["fields"].values()], what)


@check(points=2, hint="look for lines that begin with Answer:, and take the last")
def test_parse_answer(submission, rng):
    """parse_answer finds the last line `Answer: …` of a reply, and None where there is none"""
    word = "".join(chr(97 + int(i)) for i in rng.integers(26, size=8))
    for reply, want in (
        (f"Answer: {word}", word),
        (f"Let me see.\nAnswer: maybe\nNo, wait.\nAnswer: {word}", word),
        (f"So:\n**Answer:** {word}", word),
        (f"Answer: {word}.", word),
        (f"I think it is {word}.", None),
        ("", None),
    ):
        same(submission.parse_answer(reply), want, f"parse_answer({reply!r})")


def same(got, want, what):
    """Require a text, or None."""
    if want is None:
        if got is not None:
            wrong(f"{what}: expected None.")
    elif expect_text(got, what=what) != want:
        wrong(f"{what}: expected {want!r}.")


@check(points=2, hint="json.JSONDecoder().raw_decode(reply, place) stops where the object ends")
def test_parse_json(submission, equal, rng):
    """parse_json finds the object in a reply, with text and a code fence around it"""
    number = int(rng.integers(1000))
    fields = {"name": "string", "count": "number"}
    want = {"name": "a {b} c", "count": number}
    bare = f'{{"name": "a {{b}} c", "count": {number}}}'
    for reply, expected in (
        (bare, want),
        (f"Here it is:\n```json\n{bare}\n```\nBye!", want),
        (f'{{"name": "a {{b}} c", "count": {number}, "more": [1]}}', want),
        (f'{{"name": "a", "count": "{number}"}}', None),
        ('{"name": "a"}', None),
        (bare[:-4], None),
        ("I do not know.", None),
    ):
        got = submission.parse_json(reply, fields)
        if not equal(got, expected):
            wrong(f"parse_json({reply!r}, fields): expected {expected!r}.")
