"""What the runs of run.py say: how well each short way ranks students as two full runs do, as markdown.

Scores are lower-is-better. The truth is a student's mean validation error over the two full runs (of one, while the
second is missing). Pairs are told apart when the truths differ by more than two standard errors of the difference,
pooled over all students from the spread between the two seeds.
"""
import itertools
import math
import random


def tau_b(a, b):
    concordant = ties_a = ties_b = 0
    pairs = 0
    for i, j in itertools.combinations(range(len(a)), 2):
        x, y = (a[i] > a[j]) - (a[i] < a[j]), (b[i] > b[j]) - (b[i] < b[j])
        concordant += x * y
        ties_a += x == 0
        ties_b += y == 0
        pairs += 1
    below = math.sqrt((pairs - ties_a) * (pairs - ties_b))
    return concordant / below if below else math.nan


def places(a):
    order = sorted(range(len(a)), key=lambda i: a[i])
    place = [0.0] * len(a)
    i = 0
    while i < len(a):
        k = i
        while k + 1 < len(a) and a[order[k + 1]] == a[order[i]]:
            k += 1
        for m in range(i, k + 1):
            place[order[m]] = (i + k) / 2
        i = k + 1
    return place


def correlation(a, b):
    n = len(a)
    x, y = sum(a) / n, sum(b) / n
    ab = sum((p - x) * (q - y) for p, q in zip(a, b))
    below = math.sqrt(sum((p - x) ** 2 for p in a) * sum((q - y) ** 2 for q in b))
    return ab / below if below else math.nan


def told_apart(score, truth, error):
    pairs = right = 0
    for i, j in itertools.combinations(range(len(score)), 2):
        gap = truth[i] - truth[j]
        if abs(gap) <= 2 * math.sqrt(2) * error:
            continue
        pairs += 1
        product = gap * (score[i] - score[j])
        right += 1 if product > 0 else .5 if product == 0 else 0
    return pairs, right


def top(a, k):
    return set(sorted(range(len(a)), key=lambda i: (a[i], i))[:k])


def ranking(score, truth, error):
    k = max(3, len(truth) // 3)
    best, pairs_right = min(truth), told_apart(score, truth, error)
    return {
        "tau": tau_b(score, truth), "rho": correlation(places(score), places(truth)),
        "overlap": len(top(score, k) & top(truth, k)) / k,
        "regret": truth[min(range(len(score)), key=lambda i: (score[i], i))] - best,
        "regret_top": min(truth[i] for i in top(score, k)) - best,
        "right": pairs_right[1] / pairs_right[0] if pairs_right[0] else math.nan,
        "k": k,
    }


def interval(score, truth, draws=200):
    """Of tau-b, 95 %: over students drawn with replacement, the same ones for every score."""
    rng = random.Random(1)
    found = []
    for _ in range(draws):
        at = [rng.randrange(len(score)) for _ in score]
        found.append(tau_b([score[i] for i in at], [truth[i] for i in at]))
    found = sorted(t for t in found if not math.isnan(t))
    return (found[int(.025 * len(found))], found[int(.975 * len(found))]) if found else (math.nan, math.nan)


# ---- scores ----

def column(found, name, key="error"):
    return {arch: row[key] for arch, row in found.get(name, {"rows": {}})["rows"].items() if row[key] is not None}


def truth_of(found):
    one, two = column(found, "full"), column(found, "full, seed 2")
    both = [a for a in one if a in two]
    truth = {a: (one[a] + two[a]) / 2 if a in two else one[a] for a in one}
    spread = math.sqrt(sum((one[a] - two[a]) ** 2 / 2 for a in both) / len(both)) if both else math.nan
    return truth, spread / math.sqrt(2), one, two


BIASED = ["short", "batch of 16, twice the rate"]  # whose biases are told gene by gene
BUDGETS = ["a quarter of the steps", "half the steps", "short", "twice the steps", "four times the steps", "full"]


def at_equal_cost(found, weigh, middle):
    """Each student by the run whose steps times weight come nearest to the middle one's."""
    runs = [(found[name]["steps"], column(found, name)) for name in BUDGETS[:-1] if name in found]
    rows = found["short"]["rows"]
    scores = {}
    for arch in rows:
        wanted = middle * found["short"]["steps"] / weigh(rows[arch])
        have = [(abs(math.log(steps / wanted)), errors[arch]) for steps, errors in runs if arch in errors]
        if len(have) == len(runs):
            scores[arch] = min(have)[1]
    return scores


def extrapolated(found, key="error"):
    """The line through two runs, over the logarithm of their steps, at the full run's."""
    half, short = column(found, "half the steps", key), column(found, "short", key)
    ahead = math.log2(found["full"]["steps"] / found["short"]["steps"])
    return {a: short[a] + ahead * (short[a] - half[a]) for a in short if a in half}


def mean_of_seeds(found, key):
    one, two = column(found, "short", key), column(found, "short, seed 2", key)
    return {a: (one[a] + two[a]) / 2 for a in one if a in two}


def share_of(found, name):
    examples = {which: found[which]["steps"] * found[which]["batch"] for which in (name, "full")}
    return examples[name] / examples["full"]


def short_scores(found):
    """(what it is called, {architecture: score}, share of a full run that it costs)"""
    rows = found["short"]["rows"]
    share = share_of(found, "short")
    listed = []
    for name in found:
        if not name.startswith("full"):
            listed.append((name, column(found, name), share_of(found, name)))
            listed.append((name + ", by its KL", column(found, name, "kl"), share_of(found, name)))
    listed.append(("short, by the last quarter of its loss", column(found, "short", "soft"), share))
    listed.append(("short, mean of two seeds", mean_of_seeds(found, "error"), 2 * share))
    listed.append(("short, mean KL of two seeds", mean_of_seeds(found, "kl"), 2 * share))
    listed.append(("half and short, extrapolated", extrapolated(found), 1.5 * share))
    listed.append(("half and short, extrapolated KL", extrapolated(found, "kl"), 1.5 * share))
    if rows:
        middle = sorted(row["macs"] for row in rows.values())[len(rows) // 2]
        listed.append(("equal multiply-accumulates", at_equal_cost(found, lambda row: row["macs"], middle), share))
    return listed


# ---- bias ----

def residuals(score, truth):
    """Of the line of the short errors over the full ones, in points."""
    archs = [a for a in score if a in truth]
    x, y = [truth[a] for a in archs], [score[a] for a in archs]
    mx, my = sum(x) / len(x), sum(y) / len(y)
    slope = sum((p - mx) * (q - my) for p, q in zip(x, y)) / sum((p - mx) ** 2 for p in x)
    # in points of the full error, which is what a mistake of the ranking costs
    return {a: 100 * ((q - my) / slope - (p - mx)) for a, p, q in zip(archs, x, y)}


GENES = (("patch", lambda r: str(r["patch"])), ("depth", lambda r: str(r["depth"])),
         ("width", lambda r: "up to 24" if r["width"] <= 24 else "32 and more"),
         ("heads", lambda r: "1 to 3" if r["heads"] <= 3 else "4 and more"),
         ("size", lambda r: "below 15k" if r["params"] < 15000 else "15k and more"))


def biases(found, score, truth):
    """(gene, choice, students, mean residual in points, its standard error)"""
    rows, rest = found["short"]["rows"], residuals(score, truth)
    for gene, group in GENES:
        for choice in sorted({group(rows[a]) for a in rest}):
            values = [v for a, v in rest.items() if group(rows[a]) == choice]
            mean = sum(values) / len(values)
            spread = math.sqrt(sum((v - mean) ** 2 for v in values) / max(1, len(values) - 1) / len(values))
            yield gene, choice, len(values), mean, spread


def worst_bias(found, score, truth):
    return max(biases(found, score, truth), key=lambda b: abs(b[3]))


def bias_lines(found, score, truth):
    lines = ["| gene | choice | students | short runs judge it by so many points too bad | standard error |",
             "|---|---|---|---|---|"]
    for gene, choice, count, mean, spread in biases(found, score, truth):
        lines.append(f"| {gene} | {choice} | {count} | {mean:+.2f} | {spread:.2f} |")
    return lines


# ---- the page ----

def number(value, digits=2):
    return "-" if value is None or math.isnan(value) else f"{value:.{digits}f}"


def missing(found, archs):
    return [f"{name}: {len(run['rows'])} of {archs}" for name, run in found.items() if len(run["rows"]) < archs]


def text(found):
    truth, error, one, two = truth_of(found)
    total = max((len(run["rows"]) for run in found.values()), default=0)
    if len(truth) < 5:
        return "Too few full runs are done: " + "; ".join(missing(found, total or 30)) + "\n"
    common = [a for a in one if a in two]
    lines = [f"{len(truth)} students; a full run is {found['full']['steps']} steps, a short one "
             f"{found['short']['steps']}. Best full error {100 * min(truth.values()):.2f} %, worst "
             f"{100 * max(truth.values()):.2f} %; standard error of a truth between seeds {100 * error:.2f} points; "
             f"tau-b between the two full runs {number(tau_b([one[a] for a in common], [two[a] for a in common]))} "
             f"({len(common)} students)." + (" Of one seed all pairs count as told apart." if math.isnan(error) else ""),
             "",
             "| score | students | cost of a full run, % | tau-b | 95 % | rho | best third in common, % | lost by its "
             "best, points | by the best of its third | pairs told apart in order, % | largest bias, points |",
             "|---|---|---|---|---|---|---|---|---|---|---|"]
    for name, score, share in short_scores(found):
        archs = [a for a in score if a in truth]
        if len(archs) < 5:
            continue
        values, truths = [score[a] for a in archs], [truth[a] for a in archs]
        r, (low, high) = ranking(values, truths, error), interval(values, truths)
        gene, choice, _, mean, _ = worst_bias(found, score, truth)
        lines.append(f"| {name} | {len(archs)} | {100 * share:.1f} | {number(r['tau'])} | {number(low)} to {number(high)} "
                     f"| {number(r['rho'])} | {number(100 * r['overlap'], 0)} | {number(100 * r['regret'])} "
                     f"| {number(100 * r['regret_top'])} | {number(100 * r['right'], 0)} "
                     f"| {mean:+.2f}, {gene} {choice} |")
    for name in BIASED:
        if len(column(found, name)) >= 5:
            lines += ["", f"Bias by gene of the error of '{name}' (residuals of the line through it and full errors):", ""]
            lines += bias_lines(found, column(found, name), truth)
    left = missing(found, total)
    if left:
        lines += ["", "Still missing: " + "; ".join(left) + "."]
    return "\n".join(lines) + "\n"
