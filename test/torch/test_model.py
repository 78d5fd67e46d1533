import os
import tempfile
import unittest

import torch

import toy
from attention import attend, dense_mask, make_mask
from flops import flops_per_token, parameters
from model import Llama, NextTokenLoss, llama_config
from weights import INDEX, quantise, read_weights, write_weights

torch.set_num_threads(1)
MODEL = toy.configuration("")["model"]


def tiny() -> Llama:
    torch.manual_seed(1)
    return Llama(llama_config(MODEL))


class Masks(unittest.TestCase):
    documents = torch.tensor([[1, 1, 1, 2, 2, 0, 0], [1, 2, 2, 2, 3, 3, 3]])

    def test_a_token_sees_its_own_document_so_far(self):
        mask = dense_mask(self.documents)[:, 0]
        for row, numbers in enumerate(self.documents.tolist()):
            for q, of_q in enumerate(numbers):
                for k, of_k in enumerate(numbers):
                    self.assertEqual(mask[row, q, k].item(), k <= q and of_q == of_k)

    def test_a_document_reads_the_same_beside_another(self):
        model = tiny().eval()
        generator = torch.Generator().manual_seed(2)
        first, second = (torch.randint(0, 400, (1, n), generator=generator) for n in (9, 14))
        with torch.no_grad():
            alone = model(first, dense_mask(torch.ones_like(first)))
            together = torch.cat((first, second), 1)
            numbers = torch.cat((torch.ones_like(first), torch.full_like(second, 2)), 1)
            both = model(together, dense_mask(numbers))
        torch.testing.assert_close(both[:, :9], alone, rtol=0, atol=1e-5)

    def test_the_loss_leaves_out_padding_and_the_start_of_documents(self):
        model = tiny()
        loss = NextTokenLoss(model)
        ids = torch.randint(9, 400, (1, 8), generator=torch.Generator().manual_seed(3))
        numbers = torch.tensor([[1, 1, 1, 2, 2, 0, 0, 0]])
        value = loss(ids, numbers, dense_mask(numbers[:, :-1]))
        with torch.no_grad():
            logits = model.logits(model(ids[:, :-1], dense_mask(numbers[:, :-1])))[0].log_softmax(-1)
        expected = -sum(logits[t, ids[0, t + 1]] for t in (0, 1, 3)) / 3
        self.assertAlmostEqual(value.item(), expected.item(), places=5)

    def test_the_three_ways_agree(self):
        generator = torch.Generator().manual_seed(4)
        t = 384
        q = torch.randn(2, 4, t, 16, generator=generator)
        k, v = (torch.randn(2, 2, t, 16, generator=generator) for _ in range(2))
        documents = torch.sort(torch.randint(1, 6, (2, t), generator=generator))[0]
        with torch.no_grad():
            blocks, sdpa, flex = (attend(kind, q, k, v, make_mask(kind, documents)) for kind in ("blocks", "sdpa", "flex"))
        torch.testing.assert_close(blocks, sdpa, rtol=0, atol=1e-5)
        torch.testing.assert_close(flex, sdpa, rtol=0, atol=1e-5)


class Weights(unittest.TestCase):
    def test_int8_is_off_by_at_most_half_a_step_of_its_row(self):
        matrix = torch.randn(64, 48, generator=torch.Generator().manual_seed(5)) * torch.logspace(-4, 1, 64)[:, None]
        matrix[3] = 0
        values, scale = quantise(matrix)
        error = (values.float() * scale[:, None] - matrix).abs()
        self.assertTrue((error <= 0.5001 * scale[:, None]).all())
        self.assertEqual(error[3].max(), 0)

    def test_shards_are_small_and_read_back(self):
        model = tiny()
        for dtype, tolerance in (("float32", 0), ("float16", 1e-3), ("int8", 2e-3)):
            with tempfile.TemporaryDirectory() as folder:
                files = write_weights(folder, model.state_dict(), dtype, 30_000)
                self.assertTrue(len(files) > 1 and os.path.exists(os.path.join(folder, INDEX)))
                limit = 30_000 if dtype != "float32" else 60_000  # its embedding alone is larger
                self.assertTrue(all(os.path.getsize(os.path.join(folder, f)) <= limit for f in files), dtype)
                read = read_weights(folder)
                self.assertEqual(sorted(read), sorted(model.state_dict()))
                for name, tensor in model.state_dict().items():
                    torch.testing.assert_close(read[name], tensor, rtol=0, atol=tolerance)


class Flops(unittest.TestCase):
    def test_parameters_are_counted(self):
        self.assertEqual(parameters(MODEL), sum(p.numel() for p in tiny().parameters()))

    def test_attention_grows_with_the_keys(self):
        self.assertEqual(flops_per_token(MODEL, 0), 6 * parameters(MODEL))
        self.assertGreater(flops_per_token(MODEL, 100), flops_per_token(MODEL, 0))


if __name__ == "__main__":
    unittest.main()
