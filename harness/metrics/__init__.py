"""Metrics as pure functions: arrays in, a number or a record out, nothing decided about points.

Import the room that is needed; nothing is imported here, because some rooms load sklearn or torchmetrics:

    from harness.metrics.frechet import FeatureStatistics, frechet_distance, relative_fid
    from harness.metrics.language import perplexity, bits_per_character

| room | what is in it |
|---|---|
| `calibration` | discrimination ratio, the full-mark bar, false-fail rate |
| `classification` | accuracy, F1, ROC-AUC, calibration error, Brier score, adjusted Rand (sklearn) |
| `compression` | SQNR, logit KL, flip rate, levels in use |
| `density` | bits per dimension, ELBO and IWAE bounds |
| `fairness` | demographic parity and equalised odds with intervals |
| `frechet` | Fréchet distance (FID), streamed statistics |
| `images` | PSNR, SSIM, edge error, samples put on the data's grid (torchmetrics) |
| `inception` | Inception-v3 as a feature space, with the published weights (torch-fidelity) |
| `inception_score` | the inception score, for display only |
| `intervals` | t, Wilson, block-mean and basic bootstrap intervals, paired differences |
| `kernel` | kernel distance (KID), Gaussian MMD and its permutation test |
| `language` | perplexity, bits, windows, excess over an oracle, causality probes |
| `manifold` | precision, recall, density, coverage |
| `memorisation` | authenticity, C_T, copies under flips, shifts, crops and noise |
| `modes` | modes covered and high-quality share of a known mixture |
| `panel` | all of sample quality and its gates in one record |
| `privacy` | epsilon of the subsampled Gaussian mechanism, audited lower bound |
| `retrieval` | recall@k, MRR, nDCG with pessimistic ties |
| `sampling` | does a sampler draw from the distribution it should? |
| `speed` | how many times faster than a baseline, measured in turns |
| `text_overlap` | BLEU and chrF (torchmetrics) |
| `twosample` | kNN classifier two-sample test, sliced Wasserstein distance |

Every function raises `ValueError` for values it cannot score: NaN, infinity, wrong shape, nothing at all,
probabilities that are not. The message names the argument and the kind of fault.
"""
