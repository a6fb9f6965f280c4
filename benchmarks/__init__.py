import os

# Threads that wait for each other sleep instead of spinning: where other programs share the
# cores, training takes a third of the time. OpenMP reads this when torch is first imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
