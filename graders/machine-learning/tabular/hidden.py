"""Hidden checks: learners see their titles, outcomes and hints."""

import numpy as np
from sklearn.metrics import roc_auc_score

from harness.grading import assert_close, check, expect_array, metric, wrong
from harness.metrics.intervals import basic_bootstrap, measurement

# ---- what leaks ------------------------------------------------------------------------------


@check(points=3, needs="finds_a_number_that_leaks", hint="which class do the rows with this word have?")
def test_finds_words_that_leak(suspects, ask_leaks):
    """Words that give the target away are found"""
    table, leak = suspects.with_leak(suspects.words())
    if leak not in ask_leaks(table, suspects.target):
        wrong("leaky_columns misses a column of words that give the target away.")


@check(points=3, needs="finds_a_number_that_leaks", hint="is the number missing? That is a rule, too")
def test_finds_gaps_that_leak(suspects, ask_leaks):
    """A number that is missing for one class only is found"""
    table, leak = suspects.with_leak(suspects.gaps())
    if leak not in ask_leaks(table, suspects.target):
        wrong("leaky_columns misses a column that is missing for one class and present for the other.")


# ---- honest folds ----------------------------------------------------------------------------


@check(
    points=3,
    needs=("keeps_customers_together", "predicts_every_row_once"),
    hint="permute the customers with a generator made from the seed, then deal them out evenly",
)
def test_folds_follow_the_seed(fold, rng):
    """The same seed deals the customers out in the same way, another one in another, and all evenly"""
    seed = rng.seed()
    one, again, other = (fold(folds=6, seed=each) for each in (seed, seed, seed ^ 1))
    for part in one.folds:
        customers = len(set(one.groups[part.test]))
        if not 3 <= customers <= 6:
            wrong(f"24 customers in 6 folds, and one fold has {customers}.")
    assert_close(again.answer, one.answer, what="out_of_fold with the same seed")
    same = sorted(map(sorted, one.dealt()))
    if sorted(map(sorted, again.dealt())) != same:
        wrong("The same seed makes different folds.")
    if sorted(map(sorted, other.dealt())) == same:
        wrong("Another seed makes the very same folds.")


# ---- a model ---------------------------------------------------------------------------------


@check(
    points=4,
    needs="predicts_probabilities",
    hint="whatever is learned, means and ranks included, is learned in fit; predict only applies it",
)
def test_judges_each_row_alone(fitted, predicted):
    """A row gets the same probability alone and among others"""
    for rows in ([0], [7, 3, 11], list(range(200, 240))):
        assert_close(
            fitted.predict(fitted.few(rows)), predicted[rows], atol=1e-6, what=f"{len(rows)} rows alone"
        )


@check(
    points=3,
    needs="predicts_probabilities",
    hint="OneHotEncoder(handle_unknown='ignore'), an imputer for every number",
)
def test_takes_new_words_and_gaps(fitted, predicted, rng):
    """Regions that training did not have and numbers that are missing are no obstacle"""
    rows = list(range(50))
    table = fitted.few(rows)
    table["region"] = ["region of tomorrow"] * 25 + table["region"][25:]
    for name in ("age", "usage", "delay", "income", "first", "second", "third"):
        gone = rng.random(50) < 0.5
        table[name] = np.where(gone & (np.arange(50) < 40), np.nan, table[name])
    answer = fitted.predict(table)
    assert_close(answer[40:], predicted[40:50], atol=1e-6, what="predict of rows beside rows with gaps")


@check(
    points=4,
    needs=("predicts_probabilities", "finds_a_number_that_leaks"),
    hint="leave out in fit what leaky_columns finds: later it is not known",
)
def test_does_without_the_leak(fitted):
    """A column that was filled in afterwards does not move the predictions"""
    rows = list(range(300))
    table = fitted.few(rows)
    before = fitted.predict(table)
    table[fitted.world.leak] = 6 - table[fitted.world.leak]
    moved = np.abs(fitted.predict(table) - before).mean()
    if moved > 0.01:
        wrong(
            "The predictions depend on a column that gives the target away in training, and later does not."
        )


@metric(
    points=10,
    better="higher",
    unit="share of what can be known that is known",
    needs=("judges_each_row_alone", "does_without_the_leak"),
    hint="look at each column beside the target: long tails, risk at both ends, gaps that mean something",
)
def test_knows_unseen_customers(fitted, predicted, rng, show):
    """The model knows how likely unseen customers leave"""
    y = fitted.unseen.target
    share = fitted.train.target.mean()
    losses = np.column_stack([_losses(given, y) for given in (predicted, share, fitted.unseen.chance)])
    value = _known(losses)
    auc = [roc_auc_score(y, given) for given in (predicted, fitted.unseen.chance)]
    show.text(
        "Log-loss on 6,000 unseen customers, nats",
        f"yours {losses[:, 0].mean():.3f}; the share of leavers {losses[:, 1].mean():.3f}; "
        f"whoever knew the truth {losses[:, 2].mean():.3f}",
        caption=f"Area under the ROC curve: {auc[0]:.3f}, at most about {auc[1]:.3f}",
    )
    order = np.argsort(predicted)
    told = [y[part].mean() for part in np.array_split(order, 20)]
    show.curve("Share who left", told, x_label="customers by prediction, in twentieths", y_label="share")
    return measurement(value, basic_bootstrap(_known, losses, seed=rng.seed()), len(y))


def _losses(given, y):
    """Return the log-loss of each row, (n,) nats."""
    p = np.clip(expect_array(given), 1e-9, 1 - 1e-9)
    return -np.log(np.where(y == 1, p, 1 - p))


def _known(losses):
    """Return where the first loss lies between the second, 0, and the third, 1."""
    mine, base, best = losses.mean(axis=0)
    return float((base - mine) / (base - best))
