import json
import os
import subprocess
import sys
import tempfile
import unittest

import toy
from schedule import cycle_of

ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}


def start(program: str, *arguments: str, launcher: tuple[str, ...] = ()) -> list[dict]:
    """Run a program to its end; its events."""
    command = [sys.executable, *launcher, os.path.join(toy.PROGRAMS, program), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT, timeout=300)
    events = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode != 0:
        raise AssertionError(f"{program} ended with {done.returncode}: {events[-1:]} {done.stderr[-1500:]}")
    return events


def losses(events: list[dict]) -> list[tuple[int, float]]:
    return [(event["step"], event["loss"]) for event in events if event["event"] == "step"]


class Training(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.folder = cls.temporary.name
        toy.write_corpus(cls.folder)
        cls.config = toy.configuration(cls.folder)
        start("prepare.py", toy.write_configuration(cls.config, cls.folder), "--processes", "1")

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    def run_folder(self, name: str) -> str:
        """A work folder of its own over the rows that all tests share."""
        folder = os.path.join(self.folder, name)
        os.makedirs(folder)
        for entry in os.listdir(self.config["workDir"]):
            if not entry.startswith("checkpoint"):
                os.symlink(os.path.join(self.config["workDir"], entry), os.path.join(folder, entry))
        return folder

    def train(self, folder: str, *arguments: str, launcher: tuple[str, ...] = (), **training: object) -> list[dict]:
        config = {**self.config, "training": {**self.config["training"], **training}, "workDir": folder}
        return start("train.py", toy.write_configuration(config, folder), *arguments, launcher=launcher)

    def state(self, folder: str, name: str = "checkpoint") -> dict:
        with open(os.path.join(folder, name, "state.json"), encoding="utf-8") as file:
            return json.load(file)

    def test_a_resumed_run_has_the_losses_of_an_uninterrupted_one(self):
        whole = losses(self.train(self.run_folder("whole")))
        self.assertEqual([step for step, _ in whole], list(range(1, 21)))
        self.assertLess(whole[-1][1], whole[0][1] - 0.3)
        folder = self.run_folder("pieces")
        # Stops in the warm-up, in the stable phase, in the decay, and in a later pass over the data.
        pieces = [event for steps in (2, 9, 6, 9) for event in self.train(folder, "--steps", str(steps))]
        self.assertEqual([e["event"] for e in pieces if e["event"] in ("stopped", "finished")], ["stopped"] * 3 + ["finished"])
        self.assertEqual(losses(pieces), whole)

    def test_a_stop_file_ends_a_run_with_a_checkpoint(self):
        folder = self.run_folder("stopped")
        with open(os.path.join(folder, "stop"), "w", encoding="utf-8"):
            pass
        events = self.train(folder)
        self.assertEqual(events[-1]["event"], "stopped")
        self.assertEqual(self.state(folder)["step"], 0)

    def test_a_run_ends_with_the_process_that_started_it(self):
        with subprocess.Popen([sys.executable, "-c", ""]) as gone:
            gone.wait()
        events = self.train(self.run_folder("orphan"), "--watch-pid", str(gone.pid))
        self.assertEqual(events[-1]["event"], "stopped")
        events = self.train(self.run_folder("child"), "--watch-pid", str(os.getpid()), "--steps", "2")
        self.assertEqual(len(losses(events)), 2)

    def test_a_run_can_start_from_an_exported_model(self):
        folder = self.run_folder("first")
        before = self.train(folder)
        config = {**self.config, "workDir": folder}
        model = os.path.join(folder, "model")
        start("export.py", toy.write_configuration(config, folder), "--out", model, "--dtype", "float16")
        with open(os.path.join(model, "generation_config.json"), encoding="utf-8") as file:
            self.assertEqual(len(json.load(file)["copy_prior_weights"]), 12)
        second = self.run_folder("second")
        config = {**self.config, "workDir": second, "base": model}
        after = start("train.py", toy.write_configuration(config, second), "--steps", "1")
        self.assertLess(abs(losses(after)[0][1] - before[-1]["heldOutLoss"]), 0.3)
        self.assertLess(losses(after)[0][1], losses(before)[0][1] - 0.3)

    def test_two_processes_train_the_same_run(self):
        alone = losses(self.train(self.run_folder("alone")))
        launcher = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
        folder = self.run_folder("shared")
        events = self.train(folder, launcher=launcher)
        self.assertEqual(next(e for e in events if e["event"] == "start")["processes"], 2)
        for (_, one), (_, other) in zip(alone, losses(events), strict=True):
            self.assertAlmostEqual(one, other, delta=0.03)
        # A checkpoint of two processes goes on in one.
        more = self.train(folder, "--continue")
        self.assertEqual(losses(more)[0][0], 21)

    def test_cycles_follow_each_other_and_keep_their_history(self):
        folder = self.run_folder("cycles")
        first = self.train(folder)
        stable = self.state(folder, "checkpoint-stable")
        self.assertEqual(stable["step"], 14)  # 20 steps, the last 30 % decay
        more = self.train(folder, "--continue")
        state = self.state(folder)
        self.assertEqual([c["steps"] for c in state["cycles"]], [20, 20])
        self.assertEqual(state["tokens"], 2 * 20 * 512)
        self.assertTrue(all(c["ended"] for c in state["cycles"]))
        self.assertLess(more[-1]["heldOutLoss"], first[-1]["heldOutLoss"])
        self.assertEqual(self.train(folder)[-1]["tokens"], state["tokens"])  # nothing is left to do

    def test_a_cycle_can_go_on_from_before_the_decay(self):
        folder = self.run_folder("stable")
        events = self.train(folder, cycles=[toy.cycle(20 * 512), {**toy.cycle(5 * 512), "from": "stable"}])
        self.assertEqual([step for step, _ in losses(events)], [*range(1, 21), *range(15, 20)])
        self.assertEqual([c["steps"] for c in self.state(folder)["cycles"]], [14, 5])

    def test_another_model_is_refused(self):
        folder = self.run_folder("other")
        self.train(folder, "--steps", "0")
        config = {**self.config, "workDir": folder, "model": {**self.config["model"], "layers": 3}}
        with self.assertRaisesRegex(AssertionError, "of another model .num_hidden_layers"):
            start("train.py", toy.write_configuration(config, folder))


class Schedule(unittest.TestCase):
    section = {"minutes": 100, "warmupSeconds": 60, "decayFraction": 0.25, "learningRate": 1, "muonLearningRate": 2, "from": "best"}

    def test_warm_up_stable_decay(self):
        cycle = cycle_of(self.section)
        self.assertEqual((cycle.unit, cycle.length, cycle.decay_from), ("seconds", 6000, 4500))
        scales = [cycle.scale(at) for at in (0, 30, 60, 4500, 5250, 6000, 7000)]
        self.assertEqual(scales, [0.02, 0.5, 1, 1, 0.5, 0, 0])

    def test_minutes_of_the_command_line_win_over_tokens(self):
        cycle = cycle_of(toy.cycle(1000), 120)
        self.assertEqual((cycle.unit, cycle.length), ("seconds", 120))


if __name__ == "__main__":
    unittest.main()
