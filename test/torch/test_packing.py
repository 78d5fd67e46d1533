import random
import unittest

import numpy as np

import toy  # noqa: F401
from packing import fill_rows, pack_rows


class Packing(unittest.TestCase):
    def test_every_document_stands_once_and_fits(self):
        for seed in range(50):
            rng = random.Random(seed)
            lengths = [rng.randint(1, 65) for _ in range(rng.randint(1, 300))]
            rows = pack_rows(lengths, 65)
            self.assertEqual(sorted(i for row in rows for i in row), list(range(len(lengths))))
            self.assertTrue(all(sum(lengths[i] for i in row) <= 65 for row in rows))

    def test_little_is_padding(self):
        rng = random.Random(0)
        lengths = [rng.randint(20, 1025) for _ in range(2000)]
        self.assertLess(len(pack_rows(lengths, 1025)) * 1025, 1.02 * sum(lengths))

    def test_numbers_tell_documents_and_padding_apart(self):
        documents = [[7] * 3, [8] * 2, [9] * 4]
        rows, numbers = fill_rows(documents, 6, pad=1)
        np.testing.assert_array_equal(rows, [[9, 9, 9, 9, 8, 8], [7, 7, 7, 1, 1, 1]])
        np.testing.assert_array_equal(numbers, [[1, 1, 1, 1, 2, 2], [1, 1, 1, 0, 0, 0]])

    def test_a_row_holds_more_than_255_documents(self):
        _, numbers = fill_rows([[5]] * 600, 600, pad=1)
        self.assertEqual(numbers.max(), 600)
        self.assertEqual(len(np.unique(numbers)), 600)


if __name__ == "__main__":
    unittest.main()
