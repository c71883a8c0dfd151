"""Hidden checks: learners see their titles, outcomes and hints."""

import re

from harness.grading import LearnerFailure, check, expect_text, metric, wrong
from harness.metrics.intervals import measurement, wilson_interval
from harness.web import Answer

CASES = 48


@check(points=3, hint="replace every < of the text before you put tags around it")
def test_delimits(submission, rng):
    """delimit(text) puts tags around a text, and nothing in the text can close them"""
    word = "".join(chr(97 + int(i)) for i in rng.integers(26, size=8))
    first = expect_text(submission.delimit(word), what="delimit(text)").strip()
    tag = re.match(r"<([A-Za-z][\w.-]*)", first)
    if not tag:
        wrong("delimit(text): expected a tag such as <text> in front.")
    closings = [f"</{tag[1]}>", f"</{tag[1].upper()}>", f"< / {tag[1]} >", f"<{tag[1]}>", "</text></data>"]
    for closing in ("", *closings):
        got = expect_text(submission.delimit(f"{word} {closing} over"), what="delimit(text)").strip()
        found = re.fullmatch(r"<([A-Za-z][\w.-]*)[^<>]*>(.*)<\s*/\s*([A-Za-z][\w.-]*)\s*>", got, re.DOTALL)
        if not found or found[1] != found[3] or word not in found[2] or "over" not in found[2]:
            wrong("delimit(text): expected an opening tag, the text, and the closing tag of the same name.")
        if re.search(rf"<\s*/?\s*{re.escape(found[1])}\b", found[2], re.IGNORECASE):
            wrong("delimit(text): what stands in the text can close the tag.")


@check(
    points=2, hint="delimit the text in every prompt, name the tag, and say: follow no instructions inside"
)
def test_prompts_delimit(submission, one, prompt):
    """Every prompt delimits its text, and says that instructions inside are not to be followed"""
    for kind in ("topic", "code", "sum", "order"):
        case = one(kind)
        options = case.options
        builder = {
            "topic": "zero_shot",
            "code": "few_shot",
            "sum": "chain_of_thought",
            "order": "structured",
        }[kind]
        given = list(options.values())
        messages = prompt(submission[builder](case.task, case.text, *given), case, builder)
        last = messages[-1]["content"]
        block = re.search(rf"<([\w.-]+)[^<>]*>[^<]*#{case.number}[^<]*</\1>", last)
        rest = "\n".join(message["content"] for message in messages[:-1]).lower()
        rest += last.replace(block[0], "").lower() if block else ""
        if not block or block[1].lower() not in rest or "instruction" not in rest:
            wrong(f"{builder}: the text is not delimited, or the rest does not say what the tag is for.")


@check(points=2, hint="only a line that begins with it counts; spaces, asterisks and one full stop go")
def test_reads_odd_answers(submission, equal, rng):
    """parse_answer reads what models write: capitals, spaces, asterisks, answers of several words"""
    number = int(rng.integers(10, 99))
    for reply, want in (
        (f"ANSWER:   {number} apples  ", f"{number} apples"),
        (f"  answer: {number}\n\nI hope that this helps!", str(number)),
        (f"**Answer: {number}**", str(number)),
        (f"Answer: 3.{number}", f"3.{number}"),
        (f"The answer: {number} is what I thought at first.", None),
        ("Answer:", None),
        ("Answer: \nnothing", None),
    ):
        got = submission.parse_answer(reply)
        if not equal(got, want):
            wrong("parse_answer: a reply of an unusual form was not read rightly.")


@check(points=2, hint="try each brace in turn; True is an int for Python, and no number here")
def test_reads_odd_json(submission, equal, rng):
    """parse_json skips what is no object or another one, and checks types"""
    number = float(rng.integers(100)) / 4
    fields = {"ok": "boolean", "size": "number"}
    good = f'{{"ok": false, "size": {number}}}'
    want = {"ok": False, "size": number}
    for reply, expected in (
        (f"{{as you wished}} {good}", want),
        (f"Not {{}} but {good}, and not {good.replace('false', 'true')}", want),
        (f"[{good}]", want),
        (f'{{"ok": 0, "size": {number}}} {good}', want),
        ('{"ok": true, "size": true}', None),
        ('{"ok": true, "size": null}', None),
        ('["ok", "size"]', None),
    ):
        got = submission.parse_json(reply, fields)
        if not equal(got, expected):
            wrong("parse_json: a reply of an unusual form was not read rightly.")


@check(
    points=2, hint="POST {base}/chat/completions with 'Authorization: Bearer …'; choices[0].message.content"
)
def test_asks_the_model(submission, model, chat, rng):
    """ask sends model, messages and temperature to the address in the environment, with the key"""
    word = "".join(chr(97 + int(i)) for i in rng.integers(26, size=8))
    messages = [{"role": "system", "content": word}, {"role": "user", "content": "hello"}]
    temperature = round(float(rng.uniform(0.1, 1.0)), 3)
    model.asked.clear()
    model.script[:] = [chat(f"hello, {word}")]
    got = expect_text(submission.ask(messages, temperature), what="ask(messages)")
    asked = model.asked[-1] if model.asked else {}
    if (asked.get("method"), asked.get("path")) != ("POST", "/v1/chat/completions"):
        wrong("ask(messages): expected one POST to /chat/completions below the base address.")
    if asked["bearer"] != f"Bearer {model.key}":
        wrong("ask(messages): the key has to be in the header Authorization, as a bearer token.")
    if asked.get("messages") != messages or asked.get("model") != "scripted-1":
        wrong("ask(messages): the body has to hold the messages and the model's name.")
    if asked.get("temperature") != temperature:
        wrong("ask(messages, temperature): the body does not hold the temperature.")
    if got != f"hello, {word}" or len(model.asked) != 1:
        wrong("ask(messages): expected the content of the first choice, after one request.")


@check(
    points=3,
    needs=test_asks_the_model,
    hint="three attempts at 429, from 500 on, and when the connection fails",
)
def test_asks_again_where_it_may_help(submission, model, chat, printed):
    """ask tries up to three times where it may help, then raises, and never shows the key"""
    messages = [{"role": "user", "content": "hello"}]
    busy, lost = Answer.json({"error": {"message": "busy"}}, status=429), Answer(status=0)
    broken, down = (Answer.json({"error": {"message": "down"}}, status=code) for code in (500, 503))
    refused = Answer.json({"error": {"message": "no"}}, status=400)
    odd = Answer(chunks=(b"<html>",))
    for script, asks, works in (
        ([busy, broken, chat("third")], 3, True),
        ([lost, chat("third")], 2, True),
        ([down] * 5, 3, False),
        ([refused, chat("third")], 1, False),
        ([odd, odd, odd, odd], None, False),
    ):
        model.asked.clear()
        model.script[:] = script
        told, failed = "", None
        try:
            told = submission.ask(messages)
        except LearnerFailure as failure:
            if failure.reason != "exception":
                raise
            failed = str(failure)
        model.script.clear()
        if asks is not None and len(model.asked) != asks:
            wrong(f"ask: the model was asked {len(model.asked)} times, expected {asks}.")
        if not model.asked or (failed is None) != works or (works and told != "third"):
            wrong("ask: expected the reply where one came, and an exception where none did.")
        if model.key in (failed or "") + printed():
            wrong("ask: the key is shown.", reason="secret-shown")


@check(
    points=2,
    needs=test_asks_the_model,
    hint="parse, and where there is nothing to parse, ask again: three times in all",
)
def test_gives_up_in_time(submission, model, chat, one, equal):
    """solve asks again after a reply that cannot be used, three times in all, and then returns None"""
    for kind, bad in (("topic", "Answer: weather"), ("sum", "Who knows?"), ("order", '{"product": "a"}')):
        case = one(kind)
        if kind == "order":
            good, want = (
                '{"product": "a", "price": 2, "urgent": true}',
                {"product": "a", "price": 2, "urgent": True},
            )
        else:
            good, want = ("Answer: Billing", "billing") if kind == "topic" else ("Answer: 41", "41")
        for replies, expected in (([bad, bad, good], want), ([bad] * 5, None)):
            model.asked.clear()
            model.script[:] = [chat(reply) for reply in replies]
            got = submission.solve(case.task, case.text, **case.options)
            model.script.clear()
            if len(model.asked) != 3:
                wrong(f"solve: the model was asked {len(model.asked)} times, expected 3.")
            if not equal(got, expected):
                wrong("solve: expected the first reply that can be used, and None without one.")


@metric(
    points=8,
    better="higher",
    unit="share of cases solved",
    needs=test_asks_the_model,
    hint="read a prompt as if you were the model: who, what, which form, and where does the text end?",
)
def test_solves_cases(submission, model, cases, equal):
    """solve gets the right answer out of the model, for cases that you have not seen"""
    drawn = cases(CASES)
    model.cases = {case.number: case for case in drawn}
    model.script.clear()
    model.seen.clear()
    model.told.clear()
    solved = 0
    for case in drawn:
        got = submission.solve(case.task, case.text, **case.options)
        solved += equal(got, case.truth) and case.number in model.told
    return measurement(solved / CASES, wilson_interval(solved, CASES), CASES)
