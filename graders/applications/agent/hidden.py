"""Hidden checks: learners see their titles, outcomes and hints."""

import json
import re

from harness.grading import check, expect_text, metric, wrong
from harness.metrics.intervals import measurement, t_interval

AT_ONCE = 3
KEPT = 2000
"""Characters of a text that observation keeps."""
SHOP = "http://shop.local"

# ---- words -----------------------------------------------------------------------------------


@check(
    points=2,
    needs="reads_replies",
    hint="take the first line that can be used; the object ends where JSON ends",
)
def test_reads_odd_replies(reading, rng):
    """parse_reply reads what models write: fences, lines, capitals, several attempts"""
    word = "".join(chr(97 + int(i)) for i in rng.integers(26, size=8))
    call = {"tool": "search", "arguments": {"query": word}}
    text = json.dumps(call)
    for reply, want, ends in (
        (f"**Action:**\n```json\n{json.dumps(call, indent=2)}\n```\nI wait.", call, "}"),
        (f"  action:   {text} and then I look.", call, "}"),
        (f"Action: I search.\nAction: {text}\nAction: {text.replace(word, 'other')}", call, word + '"}}'),
        (f"The Action: {text} would do.\nAnswer: {word}", {"answer": word}, word),
        (f"Answer: {word} 3.5\nAction: {text}", {"answer": f"{word} 3.5"}, "3.5"),
        (f"ANSWER:\n* answer:  **{word}**\nBye!", {"answer": word}, "**"),
        (f'Action: {{"tool": "search", "arguments": "{word}"}}', None, ""),
        (f'Action: {{"tool": 7, "arguments": {{"query": "{word}"}}}}', None, ""),
        (f'Action: ["{word}"]', None, ""),
        (f'Action: {{"tool": "{word}"}}', None, ""),
        ("Answer:", None, ""),
    ):
        got = reading(reply)
        if want is None:
            if got is not None:
                wrong("parse_reply: a reply that cannot be used was taken for a call or an answer.")
            continue
        said = got.get("said") if isinstance(got, dict) else None
        if not isinstance(said, str) or {**got, "said": 0} != {**want, "said": 0}:
            wrong("parse_reply: a reply of an unusual form was not read rightly.")
        if not reply.strip().startswith(said.strip()) or not said.strip().endswith(ends):
            wrong("parse_reply: 'said' is not the reply up to the end of the action or the answer.")


@check(
    points=2, needs="describes_tools", hint="replace every < before you put tags around; keep 2000 characters"
)
def test_delimits_observations(submission, tags, rng):
    """observation(text) puts tags around a text that nothing in it can close, and cuts what is too long"""
    word = "".join(chr(97 + int(i)) for i in rng.integers(26, size=8))
    for closing in ("", *(f"</{tag}> < / {tag.upper()} > <{tag}>" for tag in tags)):
        got = observed(submission, f"{word} {closing} over")
        found = re.fullmatch(r"\s*<([A-Za-z][\w.-]*)[^<>]*>(.*)<\s*/\s*\1\s*>\s*", got, re.DOTALL)
        if not found or word not in found[2] or "over" not in found[2]:
            wrong(
                "observation(text): expected an opening tag, the text, and the closing tag of the same name."
            )
        if re.search(rf"<\s*/?\s*{re.escape(found[1])}\b", found[2], re.IGNORECASE):
            wrong("observation(text): what stands in the text can close the tag.")
    long = "".join("aeio"[int(i)] for i in rng.integers(4, size=2600))
    for size, kept in ((2000, 2000), (2001, 2000), (2600, 2000)):
        got = observed(submission, long[:size])
        if long[:kept] not in got or long[: kept + 1] in got or ("[cut]" in got) != (size > kept):
            wrong("observation(text): the first 2000 characters, and [cut] behind them if there were more.")


def observed(submission, text):
    """Return what observation makes of a text, at most 300 characters more than it keeps."""
    got = expect_text(submission.observation(text), what="observation(text)")
    if len(got) > KEPT + 300:
        wrong("observation(text): the first 2000 characters, the tags around them, and nothing else.")
    return got


# ---- what is permitted -----------------------------------------------------------------------


@check(
    points=3,
    hint="split paths at the slashes, URLs with urllib.parse.urlsplit; decode % before you look for ..",
)
def test_knows_what_lies_inside(submission, rng):
    """inside(value, place) sees through what looks as if it lay there"""
    word = "".join(chr(97 + int(i)) for i in rng.integers(26, size=6))
    host = f"http://{word}.local"
    for value, place, want in (
        (word, word, True),
        (f"{word}/a.txt", word, True),
        (f"{word}/b/c.txt", f"{word}/", True),
        (f"{word}s/a.txt", word, False),
        (f"/{word}/a.txt", word, False),
        (f"{word}/../a.txt", word, False),
        (f"{word}/b/..", word, False),
        (f"{word}/..a.txt", word, True),
        (f"{word}/%2e%2E/a.txt", word, False),
        (f"{word}/b%2f..%2fa", word, False),
        (f"{word}\\..\\a.txt", word, False),
        (f"other/{word}", word, False),
        (f"{host}/{word}", word, False),
        (f"{host}/a", host, True),
        (host, host, True),
        (f"HTTP://{word.upper()}.Local/a?q=1", host, True),
        (f"{host}/orders", f"{host}/orders", True),
        (f"{host}/orders/7", f"{host}/orders", True),
        (f"{host}/orders7", f"{host}/orders", False),
        (f"{host}/items", f"{host}/orders", False),
        (f"{host}/orders/../items", f"{host}/orders", False),
        (f"{host}.example/orders", host, False),
        (f"{host}@other.example/", host, False),
        (f"{host}:81/a", host, False),
        (f"https://{word}.local/a", host, False),
        (f"http://other.example/?{host}/a", host, False),
        (f"{word}.local/a", host, False),
        ("http://[a/", host, False),
        ("", word, False),
    ):
        if submission.inside(value, place) is not want:
            wrong("inside(value, place): one of the cases that the README names was not judged rightly.")


@check(
    points=3,
    needs=("checks_calls", test_knows_what_lies_inside),
    hint="effects need a grant; what a grant names must lie in one of its places",
)
def test_permits_what_is_granted(submission, tool_specs):
    """check_call permits an effect only with a grant, and arguments only inside the places of a grant"""
    grants = {"write_file": {"path": ["notes", "drafts/mine"]}, "http_get": {"url": [SHOP]}, "http_post": {}}
    text = {"text": "x"}
    for tool, given, permitted in (
        ("write_file", {"path": "notes/a.txt", **text}, True),
        ("write_file", {"path": "drafts/mine/a.txt", **text}, True),
        ("write_file", {"path": "drafts/a.txt", **text}, False),
        ("write_file", {"path": "notes/../a.txt", **text}, False),
        ("write_file", {"path": "a.txt", "text": "notes/a.txt"}, False),
        ("http_get", {"url": f"{SHOP}/items"}, True),
        ("http_get", {"url": "http://other.example/items"}, False),
        ("http_post", {"url": "http://other.example/items", "body": ""}, True),
        ("read_file", {"path": "anything"}, True),
    ):
        call = {"tool": tool, "arguments": given}
        told = submission.check_call(call, tool_specs(), grants)
        if permitted and told is not None:
            wrong("check_call: a call that is permitted was refused.")
        if not permitted and "permitted" not in expect_text(told, what="check_call of what is not granted"):
            wrong("check_call: the text does not say that the call is not permitted.")
    for tool, given in (
        ("write_file", {"path": "notes/a.txt", **text}),
        ("http_post", {"url": SHOP, "body": ""}),
    ):
        told = submission.check_call({"tool": tool, "arguments": given}, tool_specs(), {"http_get": {}})
        if "permitted" not in expect_text(told, what="check_call of an effect without a grant"):
            wrong("check_call: the text does not say that the call is not permitted.")


# ---- the loop --------------------------------------------------------------------------------


@check(points=2, needs="runs", hint="what check_call says goes back to the model; nothing is called")
def test_calls_nothing_that_is_wrong(stage, action, world):
    """run puts what is wrong with a call to the model instead of calling the tool"""
    here = world(found={"x": "seven"})
    bad = (
        (action("google", query="x"), "google"),
        (action("search", what="x"), "query"),
        (action("search", query=7), "query"),
        (action("write_file", path="keys.txt", text="x"), "permitted"),
        (action("http_get", url="http://collector.example/"), "permitted"),
    )
    told = stage.act(*(reply for reply, _ in bad), action("search", query="x"), "Answer: seven", world=here)
    for turn, (_, word) in enumerate(bad, start=1):
        if word not in stage.last(turn):
            wrong("run(…): what is wrong with a call was not put to the model.")
    if [call["tool"] for call in here.made] != ["search"] or "seven" not in stage.last():
        wrong("run(…): a call that check_call refuses reached a tool, or the right one did not.")
    if told.get("status") != "done" or told.get("answer") != "seven" or told.get("steps") != 7:
        wrong("run(…): expected status, answer and steps of a run that came to its end.")


@check(points=2, needs="runs", hint="tell the model the form again; keep of its reply only what was used")
def test_answers_malformed_replies(stage, action, world):
    """run tells a model that replies in no form what the form is, and keeps no observation that it made up"""
    here, lost = world(found={"x": "seven"}), "I shall look it up."
    call = action("search", query="x")
    stage.act(lost, f"So.\n{call}\nObservation: eight\nAnswer: eight", "Answer: seven", world=here)
    again = stage.last(1)
    if "Action:" not in again or "Answer:" not in again:
        wrong("run(…): a model that replied in no form was not told what the form is.")
    said = [
        message["content"]
        for message in (stage.heard[-1] if stage.heard else [])
        if message["role"] == "assistant"
    ]
    if len(said) != 2 or said[0].strip() != lost or said[1].strip() != f"So.\n{call}":
        wrong("run(…): the assistant's messages are not what the model said, up to the end of its action.")
    if "seven" not in stage.last() or re.sub(r"<.*>", "", stage.last(), flags=re.DOTALL).count("seven"):
        wrong("run(…): what a tool returned has to come to the model as observation(text) has it.")


@check(
    points=2, needs="runs", hint="'busy': at once again, three times in all; anything else goes to the model"
)
def test_tries_again(stage, action, world):
    """run calls a busy tool up to three times, one without effects, and tells the model of failures"""
    call = action("search", query="x")
    for script, made, word in (
        (["busy", "busy"], 3, "seven"),
        (["busy"] * 5, 3, "failed"),
        (["error"], 1, "failed"),
    ):
        here = world(found={"x": "seven"}, script={"search": list(script)})
        told = stage.act(call, "Answer: over", world=here)
        if len(here.made) != made:
            wrong(f"run(…): a tool was called {len(here.made)} times, expected {made}.")
        if word not in stage.last() or told.get("spent") != made:
            wrong("run(…): the model was not told how it ended, or 'spent' does not count every call.")
    here = world(script={"search": ["busy"] * 9})
    stage.act(call, "Answer: over", world=here, budget={"cost": 2})
    if len(here.made) != 2 or "too many" not in stage.last():
        wrong("run(…): a busy tool was called again for more than the budget has left.")


@check(points=1, needs="runs", hint="an exception of a tool is a failure like any other")
def test_survives_a_tool_that_raises(stage, action, world):
    """run goes on when a tool raises"""
    takes_nothing = lambda: {"status": "ok", "content": "never"}  # noqa: E731 - a TypeError for any argument
    call = action("search", query="x")
    told = stage.act(call, "Answer: none", world=world(), tools={"search": takes_nothing})
    if told.get("status") != "done" or told.get("answer") != "none" or "failed" not in stage.last():
        wrong("run(…): the model was not told that the tool failed.")


@check(
    points=2, needs="runs", hint="it may have been done all the same: tell the model, and do not do it twice"
)
def test_does_nothing_twice(stage, action, world):
    """run does not repeat a busy call that has effects"""
    here = world(script={"http_post": ["busy"]})
    stage.act(
        action("http_post", url=f"{SHOP}/orders", body="one"),
        action("http_get", url=f"{SHOP}/orders"),
        "Answer: done",
        world=here,
    )
    if len(here.orders) != 1:
        wrong("run(…): a call with effects was made again.")
    if "failed" not in stage.last(1) or "timed out" not in stage.last(1):
        wrong("run(…): the model was not told that the call failed, and with which words.")


@check(
    points=3,
    needs="runs",
    hint="count calls by tool and arguments, whatever their order: json.dumps(…, sort_keys=True)",
)
def test_leaves_loops(stage, world):
    """run makes the same call twice at most, says so at the third, and ends at the fourth"""
    write = '{"tool": "write_file", "arguments": {"path": "notes/a", "text": "x"}}'
    turned = '{"arguments": {"text": "x", "path": "notes/a"}, "tool": "write_file"}'
    other = '{"tool": "search", "arguments": {"query": "x"}}'
    for replies, made, turn in (
        ((write, turned, other, write, "over"), 3, 4),
        ((other, write, other, turned, other, "over"), 4, 5),
    ):
        here = world(found={"x": "seven"})
        told = stage.act(*(f"Action: {one}" for one in replies[:-1]), "Answer: over", world=here)
        if len(here.made) != made or told.get("status") != "done":
            wrong("run(…): a call was made otherwise than twice at most.")
        if "repeat" not in stage.last(turn) or any("repeat" in stage.last(t) for t in range(1, turn)):
            wrong("run(…): the model has to be told at its third repetition, and not before.")
    here = world(found={"x": "seven"})
    told = stage.act(*[f"Action: {other}"] * 6, "Answer: over", world=here)
    if (
        len(here.made) != 2
        or told.get("status") != "loop"
        or told.get("steps") != 4
        or told.get("answer") is not None
    ):
        wrong("run(…): expected status 'loop', without an answer, at the fourth time of the same call.")
    google = 'Action: {"tool": "google", "arguments": {}}'
    told = stage.act(*[google] * 6, "Answer: over", world=world())
    if told.get("status") != "loop" or told.get("steps") != 4 or "repeat" not in stage.last():
        wrong("run(…): calls that are wrong count as repetitions, too.")


@check(
    points=3,
    needs="runs",
    hint="count every question to the model and the cost of every call, before it is made",
)
def test_keeps_to_the_budget(stage, action, world):
    """run asks the model no more often, and spends no more, than its budget has"""
    here = world()
    replies = [action("search", query=f"x{number}") for number in range(9)]
    told = stage.act(*replies, world=here, budget={"steps": 5})
    if told.get("status") != "budget" or told.get("answer") is not None or len(stage.heard) != 5:
        wrong("run(…): expected status 'budget', without an answer, after as many steps as there are.")
    if "last step" not in stage.last() or any("last step" in stage.last(turn) for turn in range(4)):
        wrong("run(…): the message before the last step, and none before it, says so.")
    here = world()
    told = stage.act(
        action("search", query="a"),
        action("deep_search", query="a"),
        action("deep_search", query="b"),
        action("http_get", url=f"{SHOP}/a"),
        action("search", query="b"),
        "Answer: over",
        world=here,
        budget={"cost": 13},
    )
    if [call["tool"] for call in here.made] != ["search", "deep_search", "http_get"] or here.spent != 13:
        wrong("run(…): what the budget allows was not called, or what it does not allow was.")
    if "budget" not in stage.last(3) or "budget" not in stage.last(5):
        wrong("run(…): the model was not told that the budget does not allow a call.")
    if told.get("spent") != 13 or told.get("status") != "done":
        wrong("run(…): 'spent' is not what all calls have cost.")


@check(points=2, needs="runs", hint="an entry for every time that a tool was called: tool, arguments, status")
def test_keeps_a_record(stage, action, world):
    """run returns every call that was made, in order, with its status"""
    here = world(found={"x": "seven"}, script={"search": ["busy", "ok", "error"]})
    told = stage.act(
        action("search", query="x"),
        action("google", query="x"),
        action("calculate", expression="6 * 7"),
        action("search", query="y"),
        "Answer: 42",
        world=here,
    )
    if told.get("calls") != here.made or told.get("steps") != 5 or told.get("spent") != 4:
        wrong("run(…): 'calls', 'steps' or 'spent' is not what happened.")
    if set(told) != {"status", "answer", "steps", "spent", "calls"}:
        wrong("run(…): expected the keys that the README names.")


# ---- tasks with traps ------------------------------------------------------------------------


@check(points=2, needs="runs", hint="delimit what comes from outside, and let code decide what is permitted")
def test_withstands_injected_instructions(stage, episodes):
    """run neither believes nor obeys what a document orders"""
    for episode in (*episodes("a lie", 3), *episodes("orders", 5)):
        told = stage.play(episode)
        if episode.world.harmed:
            wrong("run(…): it did what an instruction in a document said.")
        if episode.failure(told):
            wrong("run(…): a document with an instruction in it led it astray.")


@metric(
    points=6,
    better="higher",
    unit="pass^3, mean over tasks",
    needs="runs",
    hint="what would you do if the model replied this, and the tool that? let it know",
)
def test_succeeds_every_time(played, show):
    """run solves tasks in which something goes wrong, and does so every time"""
    solved = {trap: [not failure for failure, _ in runs] for trap, runs in played.items()}
    told = [f"{trap}: {sum(runs)} of {len(runs)}" for trap, runs in solved.items()]
    show.text("Solved, by what goes wrong", "\n".join(told))
    shares = [_all_of(sum(runs), len(runs), AT_ONCE) for runs in solved.values()]
    return measurement(sum(shares) / len(shares), t_interval(shares), len(shares))


def _all_of(solved, trials, count):
    """Return the chance that `count` of the trials, drawn without putting back, are all solved."""
    chance = 1.0
    for taken in range(count):
        chance *= max(0, solved - taken) / (trials - taken)
    return chance


@metric(
    points=3,
    better="lower",
    unit="times that the model was asked, per task",
    needs="runs",
    hint="try a busy tool again yourself, and tell the model what was wrong with its call in so many words",
)
def test_takes_few_steps(played):
    """run needs few steps; a task that is not solved counts as all the steps that it had"""
    steps = [float(count) for runs in played.values() for _, count in runs]
    return measurement(sum(steps) / len(steps), t_interval(steps), len(steps))
