import stages  # noqa: F401  its settings of threads and pages, before torch is imported
