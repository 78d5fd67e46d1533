import unittest

import numpy as np

import toy  # noqa: F401
from copy_prior import MIN_POSITIONS, fit, vote


class CopyPrior(unittest.TestCase):
    def test_a_longer_match_outvotes_a_shorter_one(self):
        # After 1 2 came 3, after another 2 came 4; the end is 1 2: matches of two tokens and of one.
        longest, shares = vote(np.array([1, 2, 3, 0, 2, 4, 1, 2]))
        self.assertEqual(longest, 2)
        self.assertAlmostEqual(shares[3], 16 / 20)
        self.assertAlmostEqual(shares[4], 4 / 20)

    def test_a_new_token_has_nothing_to_copy(self):
        self.assertEqual(vote(np.array([1, 2, 3])), (0, {}))

    def test_the_share_that_made_the_data_is_found(self):
        rng = np.random.default_rng(0)
        for wanted in (0.1, 0.4, 0.8):
            # The truth is the copy with probability `wanted`, and else one of 1,000 tokens that the model knows as likely.
            copied = rng.random(20_000) < wanted
            pairs = [(0.001, 1.0) if right else (0.001, 0.0) for right in copied]
            weights = fit({(1, True): pairs})
            self.assertAlmostEqual(weights[0][0], wanted, delta=0.03)

    def test_a_length_seen_too_rarely_takes_the_weight_below(self):
        found = {(1, True): [(0.01, 1.0)] * MIN_POSITIONS, (2, True): [(0.9, 0.0)] * (MIN_POSITIONS - 1)}
        weights = fit(found)
        self.assertEqual(weights[1][0], weights[0][0])
        self.assertEqual(weights[0][1], 0.0)


if __name__ == "__main__":
    unittest.main()
