"""The reference for log-probabilities: one forward pass over all tokens, without cache, batch or padding."""

from collections.abc import Sequence

from sixgym.models.local.model import LocalModel


def logprobs_by_forward_pass(model: LocalModel, ids: Sequence[int]) -> list[float]:
    """Log-probability of every token but the first, given those before it."""
    import torch

    with torch.no_grad():
        logits = model._checkpoint.model(input_ids=torch.tensor([ids])).logits[0]
    of_all = logits.float().log_softmax(-1)[:-1]
    return of_all.gather(-1, torch.tensor(ids)[1:, None]).squeeze(-1).tolist()
