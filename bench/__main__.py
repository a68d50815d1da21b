"""`make bench` writes docs/benchmarks.md; `make bench BASE=<commit>` compares with that commit."""

if __name__ == "__main__":
    # Helper processes import this file too, and need none of it.
    import sys

    from bench.comparison import compare
    from bench.load import require_wrk
    from bench.measuring import main

    require_wrk()
    if len(sys.argv) > 1:
        compare(sys.argv[1])
    else:
        main()
