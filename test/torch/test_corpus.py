import random
import tempfile
import unittest

import toy
from corpus import (SPECIAL_TOKENS, SourceFile, build_documents, choose_middle, halves, held_out_groups, is_held_out,
                    split_windows, strip_license)

DATA = {"fimRate": 0.65, "spmRate": 0.5, "contextRate": 0.5, "contextChars": 300, "windowChars": 400}


def text_of(document) -> str:
    """The window as the pieces of a document hold it, put back into its order."""
    pieces = list(document.pieces)
    if "<|fim_prefix|>" not in pieces:
        return pieces[-2]
    at = {token: i for i, token in enumerate(pieces) if token.startswith("<|fim_")}
    end = len(pieces) - 1
    suffix = "".join(pieces[at["<|fim_suffix|>"] + 1:at["<|fim_middle|>"]])
    prefix = "".join(pieces[at["<|fim_prefix|>"] + 1:at["<|fim_suffix|>"]])
    return prefix + "".join(pieces[at["<|fim_middle|>"] + 1:end]) + suffix


class Splitting(unittest.TestCase):
    def test_windows_lose_nothing(self):
        for seed in range(200):
            rng = random.Random(seed)
            text = toy.source(rng, rng.randint(1, 12)) + "x" * rng.choice((0, 1, 900))
            windows = list(split_windows(text, rng, rng.choice((60, 200, 3000))))
            self.assertEqual("".join(windows), text)
            self.assertTrue(all(windows))

    def test_documents_lose_nothing(self):
        rng = random.Random(1)
        files = [SourceFile("a/b", f"src/{i}.ts", toy.source(rng, 9)) for i in range(12)]
        for seed in range(20):
            documents = list(build_documents(files, random.Random(seed), DATA))
            for file in files:
                mine = [d for d in documents if d.file is file]
                self.assertEqual("".join(text_of(d) for d in mine), file.text)
                self.assertTrue(all(d.pieces[-1] == "<|endoftext|>" for d in mine))

    def test_middles_lie_in_the_window(self):
        for seed in range(500):
            rng = random.Random(seed)
            text = toy.source(rng, 3)
            start, end = choose_middle(text, rng)
            self.assertTrue(0 <= start <= end <= len(text), (start, end))

    def test_halves_are_the_window(self):
        for window in ("a\nb\nc\nd", "one line only", "\n\n\n\n"):
            self.assertEqual("".join(halves(window)), window)
            self.assertTrue(all(halves(window)))

    def test_half_of_the_middles_come_in_each_order(self):
        files = [SourceFile("a/b", "c.ts", toy.source(random.Random(2), 400))]
        documents = list(build_documents(files, random.Random(3), DATA))
        fim = [d.pieces for d in documents if "<|fim_prefix|>" in d.pieces]
        self.assertAlmostEqual(len(fim) / len(documents), 0.65, delta=0.1)
        spm = sum(p[p.index("<|fim_prefix|>") + 1] == "<|fim_suffix|>" for p in fim)
        self.assertAlmostEqual(spm / len(fim), 0.5, delta=0.15)

    def test_licence_headers_go(self):
        self.assertEqual(strip_license("/* Copyright 2020 */\ncode();"), "code();")
        self.assertEqual(strip_license("/* Adds. */\ncode();"), "/* Adds. */\ncode();")


class HoldingOut(unittest.TestCase):
    def test_whole_repositories(self):
        files = [SourceFile(f"r/{i}", f"{j}.ts", "x") for i in range(60) for j in range(3)]
        held = held_out_groups(files, 10)
        groups = {f.repo for f in files if is_held_out(f, held)}
        self.assertEqual(groups, held)
        self.assertTrue(0 < len(held) < 60)

    def test_files_of_a_single_repository(self):
        files = [SourceFile("r/1", f"{j}.ts", "x") for j in range(40)]
        held = held_out_groups(files, 10)
        self.assertEqual(sum(is_held_out(f, held) for f in files), 4)


class Preparing(unittest.TestCase):
    def test_rows_do_not_hang_on_the_number_of_processes(self):
        import os
        import subprocess
        import sys

        import numpy as np
        with tempfile.TemporaryDirectory() as folder:
            toy.write_corpus(folder)
            config = toy.configuration(folder)
            path = toy.write_configuration(config, folder)
            read = []
            for processes in ("1", "2"):
                work = os.path.join(folder, processes)
                subprocess.run([sys.executable, os.path.join(toy.PROGRAMS, "prepare.py"), path, "--work-dir", work,
                                "--processes", processes], check=True, stdout=subprocess.DEVNULL)
                read.append([np.load(os.path.join(work, draw, f"{part}-0000.npy"))
                             for draw in ("draw-000", "draw-001", "held-out") for part in ("ids", "documents")])
            for one, other in zip(*read):
                np.testing.assert_array_equal(one, other)
            self.assertFalse(np.array_equal(read[0][0][:20], read[0][2][:20]), "two draws are different")


if __name__ == "__main__":
    unittest.main()
