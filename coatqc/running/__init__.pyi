from .many_batches import run_batches as run_batches
