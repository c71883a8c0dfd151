import math
import sys

import numpy as np

RESULTS = """\
estimator,snr,gamma,measured,low,high,limit
ridgeless,4.0,0.2,0.23622065,0.18424676,0.28819453,0.25
ridgeless,4.0,0.5,1.0948677,0.95913801,1.2305973,1
ridgeless,4.0,0.8,3.9714124,2.8895424,5.0532823,4
ridgeless,4.0,0.9,8.5915987,6.8960054,10.287192,9
ridgeless,4.0,1.1,9.8277116,7.8904235,11.765,10.363636
ridgeless,4.0,1.25,4.8760125,4.0852443,5.6667807,4.8
ridgeless,4.0,1.5,3.2191506,2.9305505,3.5077507,3.3333333
ridgeless,4.0,2.0,3.0828301,2.926434,3.2392261,3
ridgeless,4.0,3.0,3.1979801,3.131501,3.2644592,3.1666667
ridgeless,4.0,5.0,3.4672449,3.4140402,3.5204495,3.45
ridgeless,1.0,0.2,0.23622065,0.18424676,0.28819453,0.25
ridgeless,1.0,0.5,1.0948677,0.95913801,1.2305973,1
ridgeless,1.0,0.8,3.9714124,2.8895424,5.0532823,4
ridgeless,1.0,0.9,8.5915987,6.8960054,10.287192,9
ridgeless,1.0,1.1,9.5308023,7.5951245,11.46648,10.090909
ridgeless,1.0,1.25,4.2826957,3.5057919,5.0595994,4.2
ridgeless,1.0,1.5,2.2842309,2.0090098,2.5594521,2.3333333
ridgeless,1.0,2.0,1.5747195,1.4526722,1.6967667,1.5
ridgeless,1.0,3.0,1.2068821,1.1644629,1.2493013,1.1666667
ridgeless,1.0,5.0,1.0633241,1.0411981,1.0854502,1.05
ridge,4.0,0.2,0.2255295,0.17937145,0.27168756,0.2321246
ridge,4.0,0.5,0.73722694,0.67471612,0.79973775,0.70156212
ridge,4.0,0.8,1.2285623,1.1113992,1.3457254,1.236068
ridge,4.0,0.9,1.502507,1.3465067,1.6585072,1.4041844
ridge,4.0,1.1,1.8420546,1.716738,1.9673713,1.7069699
ridge,4.0,1.25,1.9668136,1.8798534,2.0537738,1.9024984
ridge,4.0,1.5,2.0759398,1.9596132,2.1922663,2.1735991
ridge,4.0,2.0,2.6213447,2.5214932,2.7211962,2.5615528
ridge,4.0,3.0,3.0223728,2.9641524,3.0805933,3
ridge,4.0,5.0,3.3910225,3.3432968,3.4387482,3.3825424
"""


def draw(n, p, snr, seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, p))
    beta = rng.normal(size=p)
    beta *= math.sqrt(snr) / np.linalg.norm(beta)
    return x, x @ beta + rng.normal(size=n), beta


def min_norm(x, y):
    return np.linalg.lstsq(x, y, rcond=None)[0]


def ridge(x, y, penalty):
    n = len(y)
    return x.T @ np.linalg.solve(x @ x.T + n * penalty * np.eye(n), y)


def ridgeless_limit(gamma, snr):
    if gamma == 1:
        return math.inf
    if gamma < 1:
        return gamma / (1 - gamma)
    return snr * (1 - 1 / gamma) + 1 / (gamma - 1)


def ridge_limit(gamma, snr):
    penalty = gamma / snr
    middle = 1 - gamma + penalty
    return (math.sqrt(middle**2 + 4 * gamma * penalty) - middle) / (2 * penalty)


def interval(values):
    values = np.asarray(values)
    mean, error = values.mean(), values.std(ddof=1) / math.sqrt(len(values))
    return mean, mean - 2 * error, mean + 2 * error


def main(seed):
    with open("results.csv", "w") as file:
        file.write(RESULTS)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
