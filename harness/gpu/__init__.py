"""GPUs: which there are, which one a submission gets, whether they are well, and metrics that run on one.

| module | what is in it |
|---|---|
| `nvml` | the GPUs and slices of this machine, their memory and their faults, as the driver tells |
| `choosing` | from `--device` and a specification to the GPU that is lent, or to words why there is none |
| `lending` | one submission per GPU, memory looked at before and after, quarantine |
| `requesting` | how the Docker engine is asked for a GPU by its uuid |
| `findings` | what a setup lacks, for `roadmark doctor` |
| `computing` | features, FID statistics and perplexity on a device |

Nothing here is imported for an exercise of the CPU.
"""
