"""Public checks: learners may read them and run them with `roadmark check`."""

from harness.grading import check, expect_text, wrong

# ---- learning merges -------------------------------------------------------------------------


@check(points=3, hint="count each pair in each piece, as often as the piece occurs; no pair crosses a cut")
def test_learns_the_most_frequent_pairs(train, truth, corpus, rng):
    """train merges the most frequent pair, again and again"""
    for _ in range(2):
        text = corpus.plain(rng, 12)
        if train(text, 256 + 12) != truth.merges(text, 256 + 12):
            wrong("train(text, 268): the merges are not the twelve most frequent pairs, one after the other.")


@check(
    points=2, hint="min(pairs, key=lambda pair: (-count[pair], pair)) prefers large counts, then small pairs"
)
def test_ties_go_to_the_smallest_pair(train, rng):
    """Among pairs that occur equally often the smallest is merged"""
    letters = "".join(rng.permutation(list("bcdfghjklmnpqrst")))
    pairs = [letters[place : place + 2] for place in range(0, 16, 2)]
    text = " ".join(pairs).replace(" ", "\n")  # eight pieces of two letters; cuts are pieces of one byte
    want = sorted(tuple(pair.encode()) for pair in pairs)
    if train(text, 256 + 8) != want:
        wrong("Eight pairs that occur once each are to be merged in the order of their tokens.")
    first, other, last = sorted(letters[:3])
    text = f"{first}{last}\n{first}{other}\n{other}{first}"
    want = [tuple(pair.encode()) for pair in (first + other, first + last, other + first)]
    if train(text, 256 + 3) != want:
        wrong("Of pairs with the same left token, the one with the smaller right token comes first.")


# ---- encoding and decoding -------------------------------------------------------------------


@check(
    points=3, hint="in each piece, apply the merge that was learned first wherever it fits, then look again"
)
def test_encodes_in_the_order_of_merges(tokenizer, truth, corpus, rng):
    """encode applies merges in the order in which they were learned, piece by piece"""
    tokens = tokenizer(corpus.merges)
    for start in rng.integers(len(corpus.held_out) - 400, size=3):
        text = corpus.held_out[start : start + 400]
        if tokens.encode(text) != truth.tokens(text, corpus.merges):
            wrong("encode(text) gives other tokens than the merges, applied in their order, do.")
    letters = list("".join(rng.permutation(list("0123456789")))[:3].encode())
    merges = [(letters[1], letters[2]), (letters[0], letters[1]), (257, letters[2])]
    text = bytes(letters).decode() + "_" * 8
    if tokenizer(merges).encode(text) != [letters[0], 256, *b"_" * 8]:
        wrong("What was learned first is applied first, even if a later merge makes a longer token.")


@check(points=2, hint="each token stands for bytes: those of its left half, then those of its right half")
def test_decodes_tokens(tokenizer, corpus, rng):
    """decode joins the bytes that the tokens stand for"""
    spelled = [bytes([byte]) for byte in range(256)]
    for left, right in corpus.merges:
        spelled.append(spelled[left] + spelled[right])
    ascii_only = [token for token, text in enumerate(spelled) if text.isascii()]
    some = [int(token) for token in rng.choice(ascii_only, size=200)]
    tokens = tokenizer(corpus.merges)
    if tokens.decode(some) != b"".join(spelled[token] for token in some).decode():
        wrong("decode(tokens) is not what the tokens spell.")
    if tokens.decode([]) != "":
        wrong("No tokens are no text.")


@check(
    points=3,
    needs=[test_encodes_in_the_order_of_merges, test_decodes_tokens],
    hint="go through UTF-8 bytes, and join all bytes before decoding: a character may need four tokens",
)
def test_any_text_makes_the_round_trip(tokenizer, corpus, any_text):
    """decode(encode(text)) is the text: every script, emoji, controls, white space"""
    tokens = tokenizer(corpus.merges)
    texts = ["", " ", "\r\n\r\n  x ", "\x00", "\ufeff", *(any_text(60) for _ in range(60)), any_text(5000)]
    for text in texts:
        if tokens.decode(tokens.encode(text)) != text:
            wrong(f"A text of {len(text)} characters does not come back as it was.")


# ---- special tokens --------------------------------------------------------------------------


@check(points=2, hint="look for special texts before anything else, and cut there")
def test_special_texts_are_one_token(tokenizer, truth, corpus, any_text, rng):
    """A special text is one token, and what stands around it is encoded as if alone"""
    special = ["<|end|>", "[user]", f"<{any_text(3).strip() or 'x'}>"]
    tokens = tokenizer(corpus.merges, special)
    begin = 256 + len(corpus.merges)
    parts, want = [], []
    for _ in range(12):
        start = int(rng.integers(len(corpus.held_out) - 100))
        between = corpus.held_out[start : start + int(rng.integers(0, 100))].replace("<", "").replace("[", "")
        number = int(rng.integers(3))
        parts += [between, special[number]]
        want += [*truth.tokens(between, corpus.merges), begin + number]
    text = "".join(parts)
    got = tokens.encode(text)
    if got != want:
        wrong("encode(text) with special texts is not their tokens among those of what stands between.")
    if expect_text(tokens.decode(got), what="decode(tokens)") != text:
        wrong("A text with special tokens does not come back as it was.")
