"""Load, faults and judgement: real processes on a real log that are killed, stopped and cut off at random.

`plan.run` starts writers and readers, lets a nemesis loose on them and on the server, and has a judge compare
what each process wrote down in its journal with what is in the log, the read model and the proofs. The tests
in tests/integration/faults run a few seconds of it, benchmarks/faults.py the full counts.
"""
