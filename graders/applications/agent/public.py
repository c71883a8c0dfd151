"""Public checks: learners may read them and run them with `roadmark check`."""

import re

from harness.grading import check, expect_text, wrong

# ---- words -----------------------------------------------------------------------------------


@check(
    points=2, hint="list the tools with their parameters, show the two forms, and warn of what results say"
)
def test_describes_tools(submission, tool_specs):
    """system_prompt(specs) names every tool with its parameters, and both forms of a reply"""
    specs = tool_specs()
    specs.append({**specs[0], "name": "weigh", "parameters": {"stone": "number", "wet": "boolean"}})
    text = expect_text(submission.system_prompt(specs), what="system_prompt(specs)")
    parts = [spec[key] for spec in specs for key in ("name", "description")]
    parts += [word for spec in specs for pair in spec["parameters"].items() for word in pair]
    missing = [part for part in ("Action:", "Answer:", *parts) if part not in text]
    if missing:
        wrong(f"system_prompt(specs): it does not say {missing[0]!r}.")
    shown = expect_text(submission.observation("42"), what="observation(text)")
    tag = re.match(r"\s*<([A-Za-z][\w.-]*)", shown)
    if not tag or tag[1] not in text or "instruction" not in text.lower():
        wrong("system_prompt(specs): it does not name the tag of observations and what not to do inside.")


@check(
    points=2, hint="a line that begins with Action: or Answer:; json.JSONDecoder().raw_decode for the call"
)
def test_reads_replies(reading, action, rng):
    """parse_reply finds the call or the answer in what a model says, and None where there is neither"""
    word = "".join(chr(97 + int(i)) for i in rng.integers(26, size=8))
    call = {"tool": "search", "arguments": {"query": f"{{{word}}}"}}
    text = action("search", query=f"{{{word}}}")
    for reply, want in (
        (text, {**call, "said": text}),
        (f"Thought: I look.\n{text}", {**call, "said": f"Thought: I look.\n{text}"}),
        (f"Answer: {word}", {"answer": word, "said": f"Answer: {word}"}),
        (f"I know.\n**Answer:** {word} ", {"answer": word, "said": f"I know.\n**Answer:** {word} "}),
        (f"{text}\nObservation: 7\nAnswer: 7", {**call, "said": text}),
        ("I would like to search for it.", None),
        ("Action: search", None),
        ("", None),
    ):
        got = reading(reply)
        said = got.get("said") if isinstance(got, dict) else None
        if isinstance(said, str) and isinstance(want, dict) and said.strip() == want["said"].strip():
            got = {**got, "said": want["said"]}  # spaces around it do not matter
        if got != want:
            wrong(f"parse_reply({reply!r}): expected {want!r}.")


# ---- calls -----------------------------------------------------------------------------------


@check(points=2, hint="is there such a tool? are these its parameters, all of them, each of its type?")
def test_checks_calls(submission, tool_specs):
    """check_call says what is wrong with a call: tool, missing or unknown arguments, types"""
    specs = tool_specs()
    specs.append({**specs[0], "name": "weigh", "parameters": {"stone": "number", "wet": "boolean"}})
    good = (
        ("search", {"query": "x"}),
        ("weigh", {"stone": 2, "wet": True}),
        ("weigh", {"stone": 0.5, "wet": False}),
    )
    for tool, given in good:
        if submission.check_call({"tool": tool, "arguments": given}, specs, {}) is not None:
            wrong(f"check_call: {tool} with {given} is as it should be; expected None.")
    for tool, given, word in (
        ("google", {"query": "x"}, "google"),
        ("search", {}, "query"),
        ("search", {"query": 7}, "query"),
        ("search", {"query": "x", "limit": 3}, "limit"),
        ("weigh", {"stone": "2", "wet": True}, "stone"),
        ("weigh", {"stone": True, "wet": True}, "stone"),
        ("weigh", {"stone": 2, "wet": 1}, "wet"),
        ("weigh", {"stone": 2}, "wet"),
    ):
        told = submission.check_call({"tool": tool, "arguments": given}, specs, {})
        if word not in expect_text(told, what=f"check_call of {tool} with {given}"):
            wrong(f"check_call of {tool} with {given}: the text does not name '{word}'.")


# ---- the loop --------------------------------------------------------------------------------


@check(
    points=3,
    needs=(test_describes_tools, test_reads_replies, test_checks_calls),
    hint="ask, read, check, call, and put what the model said and what came of it behind the messages",
)
def test_runs(stage, episodes):
    """run leads a model with tools from a task to its answer"""
    for episode in episodes("none", 3):
        told = stage.play(episode)
        if failure := episode.failure(told):
            wrong(f"run(…), task '{episode.task}': {episode.broken or failure}.")
        if told.get("steps") != episode.steps:
            wrong("run(…): 'steps' is not how often the model was asked.")
