"""Other searches on the problems of bench_search, each as its own documentation sets it up.

Every search sees an architecture as a list of ordered whole numbers, sees all results before its next
proposal (but for a generation's), and is told by how much a proposal breaks the limits. Only what would be
trained counts: proposals beyond a limit, and repeated ones, are answered and cost nothing.
"""
import json
import random
import subprocess


class Done(Exception):
    pass


class Problem:
    """One problem served by bench_search; `volumes` grows by one with each architecture trained."""

    def __init__(self, program, name):
        self.name = name
        asked = subprocess.run([program, "info", name], check=True, capture_output=True, text=True)
        self.info = json.loads(asked.stdout)
        self.names = [gene for gene, _ in self.info["genes"]]
        self.choices = [choices for _, choices in self.info["genes"]]
        self.objectives = len(self.info["objectives"])
        self.reference = self.info["reference"]
        self.pipe = subprocess.Popen([program, "serve", name], stdin=subprocess.PIPE,
                                     stdout=subprocess.PIPE, text=True)

    def close(self):
        self.pipe.stdin.close()
        self.pipe.wait()

    def begin(self, trials):
        self.pipe.stdin.write("\n")
        self.trials = trials
        self.volumes = []
        self.asked = 0

    def score(self, indices):
        """Objectives and violation; ends the run by Done when enough was trained."""
        if len(self.volumes) >= self.trials or self.asked >= 60 * self.trials:
            raise Done
        self.asked += 1
        self.pipe.stdin.write(" ".join(str(int(i)) for i in indices) + "\n")
        self.pipe.stdin.flush()
        violation, new, _, volume, *objectives = self.pipe.stdout.readline().split()
        if new == "1":
            self.volumes.append(float(volume))
        return [float(value) for value in objectives], float(violation)


def random_search(problem, seed):
    rng = random.Random(seed)
    while True:
        problem.score([rng.randrange(n) for n in problem.choices])


def optuna_search(problem, sampler):
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(directions=["minimize"] * problem.objectives, sampler=sampler)
    while True:
        trial = study.ask()
        indices = [trial.suggest_int(name, 0, n - 1)
                   for name, n in zip(problem.names, problem.choices)]
        objectives, violation = problem.score(indices)
        if problem.info["limits"]:
            trial.set_constraint("limits", violation)
        study.tell(trial, objectives)


def optuna_nsga2(problem, seed):
    import optuna

    optuna_search(problem, optuna.samplers.NSGAIISampler(population_size=40, seed=seed))


def optuna_tpe(problem, seed):
    import optuna

    optuna_search(problem, optuna.samplers.TPESampler(seed=seed))


def any_layers(problem):
    return [random.randrange(n) for n in problem.choices]


def equal_layers(problem):
    """A choice for each gene, and for each list one choice of all its layers."""
    common = {}
    return [common.setdefault(name.rstrip(".0123456789"), random.randrange(n))
            for name, n in zip(problem.names, problem.choices)]


def equal_nsga2(problem, seed):
    deap_nsga2(problem, seed, population=100, draw=equal_layers)  # better here than 20 and 40


def deap_nsga2(problem, seed, population=40, draw=any_layers):
    """The library's example of NSGA-II, with uniform crossover and mutation of whole numbers."""
    from deap import base, creator, tools

    random.seed(seed)
    kind = f"Student{problem.objectives}"
    if not hasattr(creator, kind):
        creator.create(f"Goal{problem.objectives}", base.Fitness, weights=(-1.0,) * problem.objectives)
        creator.create(kind, list, fitness=getattr(creator, f"Goal{problem.objectives}"))
    student_of = getattr(creator, kind)
    top = [n - 1 for n in problem.choices]

    def rate(student):
        objectives, violation = problem.score(student)
        if violation > 0:  # as tools.DeltaPenalty does: beyond the worst, by the distance
            objectives = [worst * (2 + violation) for worst in problem.reference]
        student.fitness.values = objectives

    def survive(students):
        return tools.selNSGA2(students, population)

    parents = [student_of(draw(problem)) for _ in range(population)]
    for student in parents:
        rate(student)
    parents = survive(parents)
    while True:
        children = [student_of(s) for s in tools.selTournamentDCD(with_crowding(parents), population)]
        for a, b in zip(children[::2], children[1::2]):
            if random.random() < 0.9:
                tools.cxUniform(a, b, 0.5)
            for student in (a, b):
                tools.mutUniformInt(student, 0, top, 1 / len(top))
        for student in children:
            rate(student)
        parents = survive(parents + children)


def with_crowding(parents):
    """selTournamentDCD() reads what selNSGA2() noted; it wants a list of its own."""
    return list(parents)


def pymoo_nsga2(problem, seed, population=40):
    """The library's set-up for whole numbers."""
    import numpy
    from pymoo.algorithms.moo.nsga2 import NSGA2
    from pymoo.core.problem import ElementwiseProblem
    from pymoo.operators.crossover.sbx import SBX
    from pymoo.operators.mutation.pm import PM
    from pymoo.operators.repair.rounding import RoundingRepair
    from pymoo.operators.sampling.rnd import IntegerRandomSampling
    from pymoo.optimize import minimize

    class Students(ElementwiseProblem):
        def __init__(self):
            super().__init__(n_var=len(problem.choices), n_obj=problem.objectives, n_ieq_constr=1,
                             xl=0, xu=numpy.array(problem.choices) - 1, vtype=int)

        def _evaluate(self, x, out):
            objectives, violation = problem.score(x)
            out["F"] = objectives
            out["G"] = [violation]

    method = NSGA2(pop_size=population, sampling=IntegerRandomSampling(),
                   crossover=SBX(prob=1.0, eta=3.0, vtype=float, repair=RoundingRepair()),
                   mutation=PM(prob=1.0, eta=3.0, vtype=float, repair=RoundingRepair()),
                   eliminate_duplicates=True)
    minimize(Students(), method, ("n_gen", 100000), seed=seed, verbose=False)


def botorch_qlogehvi(problem, seed, first=20):
    """As BoTorch's tutorial of it, on whole numbers: a Gaussian process an objective, a Sobol start, and the
    search for the best proposal that Ax uses in mixed spaces, but from Sobol points. It is told the reference
    point. For objectives without noise: the gain is over the front as it was measured. To take minutes and not
    hours, scales are fitted anew after every fourth trial, from where they were."""
    import warnings

    import torch
    from botorch.acquisition.multi_objective.logei import qLogExpectedHypervolumeImprovement
    from botorch.fit import fit_gpytorch_mll
    from botorch.models import ModelListGP, SingleTaskGP
    from botorch.models.transforms import Normalize, Standardize
    from botorch.optim.optimize_mixed import optimize_acqf_mixed_alternating
    from botorch.utils.multi_objective.box_decompositions.non_dominated import FastNondominatedPartitioning
    from gpytorch.mlls import SumMarginalLogLikelihood

    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    d = len(problem.choices)
    top = torch.tensor(problem.choices, dtype=torch.double) - 1
    bounds = torch.stack([torch.zeros(d, dtype=torch.double), top])
    values = {i: [float(v) for v in range(n)] for i, n in enumerate(problem.choices)}
    reference = -torch.tensor(problem.reference, dtype=torch.double)
    sobol = torch.quasirandom.SobolEngine(d, scramble=True, seed=seed).draw(first, dtype=torch.double)
    x = (sobol * (top + 1)).floor().clamp(max=top)
    y = -torch.tensor([problem.score(row.tolist())[0] for row in x], dtype=torch.double)
    before = None
    while True:
        model = ModelListGP(*(SingleTaskGP(x, y[:, k:k + 1], input_transform=Normalize(d, bounds=bounds),
                                           outcome_transform=Standardize(1)) for k in range(y.shape[1])))
        for new, old in zip(model.models, before.models if before else []):
            for part in ("mean_module", "covar_module", "likelihood"):
                getattr(new, part).load_state_dict(getattr(old, part).state_dict())
        if len(x) % 4 == 0:
            fit_gpytorch_mll(SumMarginalLogLikelihood(model.likelihood, model))
        before = model.eval()
        gain = qLogExpectedHypervolumeImprovement(model, reference, FastNondominatedPartitioning(reference, y))
        best, _ = optimize_acqf_mixed_alternating(gain, bounds, discrete_dims=values, num_restarts=4,
                                                  raw_samples=256,
                                                  options={"initialization_strategy": "random"})
        row = best.round()
        if (x == row).all(dim=1).any():  # nothing new was found: a neighbour of it
            place = torch.randint(d, (1,))
            row[0, place] = torch.randint(int(top[place]) + 1, (1,), dtype=torch.double)
        x = torch.cat([x, row])
        y = torch.cat([y, -torch.tensor([problem.score(row[0].tolist())[0]], dtype=torch.double)])


PEERS = {"random": random_search, "optuna-nsga2": optuna_nsga2, "optuna-tpe": optuna_tpe,
         "deap-nsga2": deap_nsga2, "equal-nsga2": equal_nsga2, "pymoo-nsga2": pymoo_nsga2,
         "botorch": botorch_qlogehvi}


def run(program, name, peer, seed, trials, **options):
    """The volumes after 1, 2, ... trained architectures; fewer when the search ran dry."""
    problem = Problem(program, name)
    problem.begin(trials)
    try:
        PEERS[peer](problem, seed, **options)
    except Done:
        pass
    finally:
        problem.close()
    return problem.volumes
