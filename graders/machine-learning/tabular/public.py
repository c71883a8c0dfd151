"""Public checks: learners may read them and run them with `roadmark check`."""

import numpy as np

from harness.grading import assert_close, check, wrong

# ---- what leaks ------------------------------------------------------------------------------


@check(
    points=4, hint="how often is the best threshold on this column alone right, on rows it was not made from?"
)
def test_finds_a_number_that_leaks(suspects, ask_leaks):
    """A number that gives the target away is found"""
    table, leak = suspects.with_leak(suspects.number())
    if leak not in ask_leaks(table, suspects.target):
        wrong("leaky_columns misses a number that is the target in disguise.")


@check(
    points=4,
    needs=test_finds_a_number_that_leaks,
    hint="a name that occurs once tells nothing of the next row; a useful column is no leak",
)
def test_accuses_no_honest_column(suspects, ask_leaks):
    """Columns that are merely useful, constant or different for every row are not accused"""
    table, leak = suspects.with_leak(suspects.number())
    accused = ask_leaks(table, suspects.target) - {leak}
    if accused:
        kind = "texts" if isinstance(table[min(accused)], list) else "numbers"
        wrong(
            f"leaky_columns accuses {len(accused)} of {len(table) - 1} honest columns, such as one of {kind}."
        )


# ---- honest folds ----------------------------------------------------------------------------


@check(points=4, hint="split the customers, not their rows: np.isin(groups, some_of_the_customers)")
def test_keeps_customers_together(fold, rng):
    """No model is asked about a customer that it was trained on"""
    for folds in (2, 5):
        done = fold(folds=folds, seed=rng.seed())
        for part in done.folds:
            both = set(done.groups[part.train]) & set(done.groups[part.test])
            if both:
                wrong(f"{len(both)} customers are among the training rows and among those to predict.")
            if len(set(part.train.tolist())) + len(set(part.test.tolist())) < len(done.groups):
                wrong("Some rows are left out: all rows of the other folds are there to train on.")


@check(points=4, hint="put each fold's predictions where its rows are: answers[held_out] = …")
def test_predicts_every_row_once(fold, rng):
    """Each row is predicted once, and the predictions come in the order of the rows"""
    for folds in (3, 24):
        done = fold(folds=folds, seed=rng.seed())
        asked = np.concatenate([part.test for part in done.folds])
        if len(done.folds) != folds:
            wrong(f"With {folds} folds fit_predict was called {len(done.folds)} times.")
        if not np.array_equal(np.sort(asked), np.arange(len(done.groups))):
            wrong("Not every row was predicted, or some more than once.")
        assert_close(done.answer, done.marks, what="out_of_fold(…)")


# ---- a model ---------------------------------------------------------------------------------


@check(points=3, hint="predict_proba(…)[:, 1]; and it should depend on the row")
def test_predicts_probabilities(predicted):
    """predict gives a probability to each row that was not seen"""
    if np.ptp(predicted) < 0.2:
        wrong("predict(model, table) says much the same of all rows.")
    if len(np.unique(predicted)) < 20:
        wrong("predict(model, table) gives few different values: classes, and not probabilities?")
