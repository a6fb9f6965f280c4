import os

# Threads that wait for each other sleep instead of spinning, which would take the cores from other
# programs. OpenMP reads this when torch is first imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
# Large tensors lie in large pages: a pass of VGG-16 over 16 images takes a twentieth of the page
# faults, and a sixth less time. torch reads this when it first needs memory; Linux alone has it.
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
