"""Times functions and prints lines like `ingot bench --json`."""
import json, os, statistics, sys, time

THREADS = int(os.environ.get("THREADS", "2"))


def asked(name, names):
    """Whether the command line asks for a benchmark, by its name or the beginning of it."""
    return not names or any(name.startswith(n) for n in names)


def figure(name, unit, value, run, warm=2, runs=9, seconds=20):
    """Median of several runs. value: from the seconds of one."""
    for _ in range(warm):
        run()
    times, start = [], time.perf_counter()
    while len(times) < runs and (len(times) < 3 or time.perf_counter() - start < seconds):
        before = time.perf_counter()
        run()
        times.append(time.perf_counter() - before)
    values = sorted(value(t) for t in times)
    show(name, unit, statistics.median(values), values[0], values[-1])


def show(name, unit, value, low, high):
    print(json.dumps({"name": name, "value": float(f"{value:.4g}"), "unit": unit, "min": float(f"{low:.4g}"), "max": float(f"{high:.4g}")}), flush=True)
