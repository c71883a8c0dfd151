import re
from collections import Counter

import pytest

from harness.sources.planted_facts import Kind, make_corpus

CORPUS = make_corpus(seed=0)
TEXTS = {document.id: document.text for document in CORPUS.documents}
SENTENCES = {name: re.split(r"(?<=\.) ", text) for name, text in TEXTS.items()}


def of(kind: Kind):
    return [question for question in CORPUS.questions if question.kind is kind]


def subject_of(text: str) -> str:
    """Return the invented name in a question: a person's two words, or a company."""
    return re.search(r"[A-Z][a-z]+ (?:& Sons|[A-Z][a-z]+)", text)[0]


def test_there_are_enough_questions_of_every_kind():
    counts = Counter(question.kind for question in CORPUS.questions)
    assert min(counts[kind] for kind in Kind) >= 60
    assert counts[Kind.DIRECT] >= 200


def test_supporting_documents_tell_the_fact_in_one_sentence_and_no_other_does():
    for question in of(Kind.DIRECT):
        subject = subject_of(question.text)
        telling = {
            name
            for name, sentences in SENTENCES.items()
            if any(subject in sentence and question.answer in sentence for sentence in sentences)
        }
        assert telling >= set(question.support[0])
        if not question.answer.istitle():  # a town or person may be told with the subject otherwise
            assert telling == set(question.support[0])


def test_two_step_questions_need_the_founder_first():
    founders = {
        subject_of(question.text): question for question in of(Kind.DIRECT) if "founded" in question.text
    }
    for question in of(Kind.TWO_STEP):
        founder = founders[subject_of(question.text)]
        assert question.support[0] == founder.support[0]
        assert founder.answer not in question.text
        assert all(
            founder.answer in TEXTS[name] and question.answer in TEXTS[name] for name in question.support[1]
        )
        assert question.relevant == {*question.support[0], *question.support[1]}


def test_unanswerable_questions_are_about_somebody_known_and_asked_of_nobody_else():
    answered = {question.text for question in CORPUS.questions if question.answer}
    for question in of(Kind.UNANSWERABLE):
        assert question.text not in answered
        assert question.answer == ""
        assert not question.relevant
        assert any(subject_of(question.text) in text for text in TEXTS.values())


def test_questions_are_distinct_and_some_facts_are_told_twice():
    assert len({question.text for question in CORPUS.questions}) == len(CORPUS.questions)
    twice = [question for question in of(Kind.DIRECT) if len(question.support[0]) == 2]
    assert 0.1 < len(twice) / len(of(Kind.DIRECT)) < 0.3


@pytest.mark.parametrize("other", [1, 2])
def test_nothing_carries_over_to_another_seed(other):
    assert make_corpus(seed=0) == CORPUS
    fresh = make_corpus(seed=other)
    assert not {question.text for question in fresh.questions} & {q.text for q in CORPUS.questions}


def test_sizes_are_as_asked():
    corpus = make_corpus(seed=3, people=5, companies=2, facts_per_document=3)
    assert len([q for q in corpus.questions if q.kind is Kind.UNANSWERABLE]) == 7
    assert len([q for q in corpus.questions if q.kind is Kind.DIRECT]) == 5 * 3 + 2 * 2
