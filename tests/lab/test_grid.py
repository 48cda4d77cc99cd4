"""The grid: what is planned, done, kept, and put together."""

import json

import pytest

from treefold.lab import grid, plan, run_all, summarise
from treefold.lab.remedies import REMEDIES
from treefold.lab.trial import Job
from treefold.training.errors import RunError

JOBS = [
    Job("adding", 6, shape, name, seed, steps, batch_size=4, hidden_size=8)
    for shape in ("chain", "tree")
    for name in ("tanh", "gru")
    for seed, steps in ((0, 2), (1, 2))
]


def test_the_default_plan_trains_every_remedy_at_200_and_looks_at_other_lengths():
    jobs = plan("default")
    trained = {(j.remedy, j.shape) for j in jobs if j.steps and j.length == 200}
    wanted = {(name, "chain") for name in REMEDIES}
    wanted |= {(name, "tree") for name in REMEDIES if name != "truncated"}
    assert trained == wanted
    assert {j.length for j in jobs} == {100, 200, 400}
    assert all(j.problem == "adding" for j in jobs)


def test_the_full_plan_has_every_problem_and_length_and_five_seeds():
    jobs = plan("full")
    found = {(j.problem, j.length) for j in jobs}
    assert found == {
        *(("adding", T) for T in (100, 200, 400)),
        *(("copying", T) for T in (100, 200, 400)),
        ("digits", 64),
    }
    assert {j.seed for j in jobs} == set(range(5))
    assert {j.seed for j in plan("full", 2)} == {0, 1}


@pytest.mark.parametrize("size", ["quick", "default", "full"])
def test_every_trial_has_a_name_of_its_own(size):
    jobs = plan(size)
    assert len({job.name for job in jobs}) == len(jobs)


def test_trials_are_written_and_not_run_again(tmp_path, monkeypatch):
    first = run_all(JOBS, tmp_path, workers=1)
    assert [job for job, _ in first] == JOBS
    assert len(list((tmp_path / "trials").glob("*.json"))) == len(JOBS)

    monkeypatch.setattr(grid, "run", lambda job: pytest.fail("it was run again"))
    assert run_all(JOBS, tmp_path, workers=1) == first


def test_a_trial_of_other_settings_is_run_anew(tmp_path):
    job = JOBS[0]
    run_all([job], tmp_path, workers=1)
    other = Job(**{**job.to_dict(), "steps": 3})
    ((_, found),) = run_all([other], tmp_path, workers=1)
    assert found["steps"] == 3


def test_what_is_done_stays_when_somebody_stops_it(tmp_path, monkeypatch):
    run, done = grid.run, []

    def stopped(job):
        if len(done) == 3:
            raise KeyboardInterrupt
        done.append(job)
        return run(job)

    monkeypatch.setattr(grid, "run", stopped)
    with pytest.raises(KeyboardInterrupt):
        run_all(JOBS, tmp_path, workers=1)
    assert len(list((tmp_path / "trials").glob("*.json"))) == 3
    monkeypatch.setattr(grid, "run", lambda job: done.append(job) or run(job))
    run_all(JOBS, tmp_path, workers=1)
    assert sorted(done, key=JOBS.index) == JOBS


def test_a_file_that_is_no_trial_is_told(tmp_path):
    (tmp_path / "trials").mkdir()
    (tmp_path / "trials" / f"{JOBS[0].name}.json").write_text("[]")
    with pytest.raises(RunError, match=r"seed0.json is no trial. Delete it"):
        run_all(JOBS[:1], tmp_path, workers=1)


def test_processes_find_what_this_one_does(tmp_path):
    jobs = JOBS[:2]
    here = run_all(jobs, tmp_path / "here", workers=1)
    there = run_all(jobs, tmp_path / "there", workers=2)
    for (_, one), (_, other) in zip(here, there, strict=True):
        assert {**one, "seconds": 0} == {**other, "seconds": 0}


def test_seeds_are_put_together(tmp_path):
    trials = run_all(
        [*JOBS, Job("adding", 8, "tree", "gru", steps=0)], tmp_path, workers=1
    )
    result = json.loads(json.dumps(summarise(trials)))
    assert result["problems"]["adding"]["lengths"]["6"]["mark"] == 0.02
    by = {(c["length"], c["shape"], c["remedy"]): c for c in result["cells"]}
    assert len(by) == len(result["cells"]) == 5
    cell = by[6, "chain", "gru"]
    losses = [r["loss"] for j, r in trials if (j.shape, j.remedy) == ("chain", "gru")]
    assert cell["losses"] == losses[:2]
    assert cell["loss"] == pytest.approx(sum(losses) / 2)
    assert cell["success_rate"] == 0
    assert len(cell["gradient_norms"]["before"]) == 6
    untrained = by[8, "tree", "gru"]
    assert untrained["loss"] is None
    assert untrained["success_rate"] is None
    assert untrained["gradient_norms"]["after"] is None
