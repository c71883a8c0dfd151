"""Hidden checks: learners see their titles, outcomes and hints."""

from harness.grading import LearnerFailure, Measurement, check, metric, wrong

# ---- learning merges -------------------------------------------------------------------------


@check(
    points=2,
    needs=[
        "learns_the_most_frequent_pairs",
        "ties_go_to_the_smallest_pair",
        "encodes_in_the_order_of_merges",
    ],
    hint="aaaa becomes two tokens, aaa one and a rest: write the new token and step over both",
)
def test_runs_are_merged_from_the_left(train, tokenizer, truth, rng):
    """In a run of equal tokens every other place is merged, and each position counts"""
    for turn in range(4):
        letters = rng.permutation(list("abcdefgh"))[:2]
        text = " ".join(
            "".join(letter * int(rng.integers(1, 8)) for letter in rng.choice(letters, size=3))
            for _ in range(40)
        )
        merges = truth.merges(text, 256 + 10)
        if train(text, 256 + 10) != merges:
            wrong("train(text, 266) of a text full of runs gives other merges.")
        run = str(letters[0]) * int(rng.integers(20 + 5 * turn, 25 + 5 * turn))
        if tokenizer(merges).encode(run) != truth.tokens(run, merges):
            wrong("encode(text) of a run gives other tokens.")


@check(
    points=2,
    needs=["learns_the_most_frequent_pairs", "runs_are_merged_from_the_left"],
    hint="no pair may be left at all: stop, and return what there is",
)
def test_stops_when_nothing_is_left(train, truth, any_text):
    """Learning ends where every piece is one token; a vocabulary of 256 learns nothing"""
    text = any_text(40)
    if train(text, 256):
        wrong("A vocabulary of 256 has no room for a merge.")
    if train("", 300) or train(" . a", 256):
        wrong("Where there is no pair there is nothing to merge.")
    if train(text, 2_000) != truth.merges(text, 2_000):
        wrong("train(text, 2000) of a short text gives other merges than all that there are.")


@check(
    points=3,
    needs=["learns_the_most_frequent_pairs", "ties_go_to_the_smallest_pair"],
    hint="counts change with every merge: recount, or update the neighbours of each place",
)
def test_learns_hundreds_of_merges(learned, corpus):
    """200 merges of a long text are right to the last"""
    if learned != corpus.merges:
        wrong("train(text, 456) of 30,000 characters gives other merges.")


@metric(
    points=5,
    better="higher",
    unit="bytes per token on unseen text, as a share of what exact merges reach",
    pass_share=0.6,
    hint="tokens of tokens of tokens: each merge may use those before it",
)
def test_compresses_unseen_text(learned, truth, corpus):
    """What is learned makes text that it has not seen shorter"""
    size = len(corpus.held_out.encode())
    got, best = (size / truth.count(corpus.held_out, merges) for merges in (learned, corpus.merges))
    note = f"{got:.3f} bytes per token; exact merges have {best:.3f}"
    return Measurement(value=round(got / best, 6), n=size, notes=(note,))


# ---- encoding and decoding -------------------------------------------------------------------


@check(
    points=2,
    needs="any_text_makes_the_round_trip",
    hint='errors="replace" for bytes that are cut off; check the range before you look a token up',
)
def test_damaged_tokens_are_survived(tokenizer, corpus, any_text, rng):
    """Half a character becomes U+FFFD, and a token that does not exist a ValueError"""
    tokens = tokenizer(corpus.merges)
    for _ in range(5):
        data = [byte for byte in any_text(40).encode() if rng.random() < 0.8] + [0xF0, 0x9F]
        if tokens.decode(data) != bytes(data).decode(errors="replace"):
            wrong("decode(tokens) of damaged UTF-8 is not what errors='replace' gives.")
    for unknown in (-1, 256 + len(corpus.merges), 10**6):
        try:
            tokens.decode([65, unknown])
        except LearnerFailure as failure:
            if failure.reason == "exception" and "ValueError" in str(failure):
                continue
            raise
        wrong("decode(tokens) took a number that is no token.")


@check(
    points=2,
    needs="any_text_makes_the_round_trip",
    hint="what one tokenizer remembers must not be another's: keep caches in self",
)
def test_tokenizers_do_not_know_each_other(tokenizer, truth, corpus, any_text):
    """Tokenizers with different merges work side by side"""
    text = corpus.held_out[:300] + any_text(200)
    other = truth.merges(any_text(600) + text, 256 + 100)
    several = [(merges, tokenizer(merges)) for merges in (corpus.merges, corpus.merges[:40], other, [])]
    for merges, tokens in (*several, *several[::-1]):
        got = tokens.encode(text)
        if got != truth.tokens(text, merges) or tokens.decode(got) != text:
            wrong("A tokenizer encodes otherwise when there is another one.")


# ---- special tokens --------------------------------------------------------------------------


@check(
    points=2,
    needs="special_texts_are_one_token",
    hint="with allow_special=False nothing is special: what users type must not end a conversation",
)
def test_users_cannot_forge_special_tokens(tokenizer, truth, corpus):
    """With allow_special=False a special text is text like any other"""
    special = ["<|system|>", "<|end|>"]
    tokens = tokenizer(corpus.merges, special)
    text = corpus.held_out[:50] + "<|end|><|system|>" + corpus.held_out[50:100]
    got = tokens.encode(text, allow_special=False)
    if got != truth.tokens(text, corpus.merges):
        wrong("encode(text, allow_special=False) is not the encoding of plain text.")
    if tokens.decode(got) != text:
        wrong("A text with special texts as plain text does not come back as it was.")


@check(
    points=2,
    needs="special_texts_are_one_token",
    hint="sort special texts by length, the longest first; and escape what a pattern would take for its own",
)
def test_the_longest_special_text_wins(tokenizer, truth, corpus, rng):
    """Where several special texts begin at one place, the longest is meant"""
    special = ["<a", "<a|", "<a|b>", ".*", "(", "||"]
    rng.shuffle(special)
    text = "x<a|b>y<a|<a<a|b(.*||z.a"
    cut = ["x", "<a|b>", "y", "<a|", "<a", "<a|", "b", "(", ".*", "||", "z.a"]
    for names in (special, special[::-1]):
        number = {name: 256 + len(corpus.merges) + place for place, name in enumerate(names)}
        want = [[number[part]] if part in number else truth.tokens(part, corpus.merges) for part in cut]
        if tokenizer(corpus.merges, names).encode(text) != [token for part in want for token in part]:
            wrong("encode(text) takes a shorter special text where a longer one begins, or one as a pattern.")
