"""`make bench`: measures Quizwell beside its baselines in one run and writes docs/benchmarks.md."""

if __name__ == "__main__":
    # Helper processes run this file too, and need nothing of it.
    from bench.measuring import main

    main()
