"""The benchmarks: figures of the whole system on this machine, each with the checker's verdict on the same runs.

`python -m deploy.proof.bench` (`make bench`) starts a system of its own, measures, and writes
`build/bench/latest.json`.
"""
